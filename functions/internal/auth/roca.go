package auth

import "math/big"

// hasROCAFingerprint reports whether an RSA modulus was made by the flawed library of
// CVE-2017-15361, whose keys can be factored ("The Return of Coppersmith's Attack", Nemec and
// others, CCS 2017, section 3). Its primes are powers of 65537 modulo many small primes, and so are
// their products. A sound modulus has the fingerprint by chance about once in 2^28.
func hasROCAFingerprint(n *big.Int) bool {
	residue := new(big.Int)
	for _, prime := range []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157} {
		r := residue.Mod(n, big.NewInt(prime)).Int64()
		if !isPowerOf65537(r, prime) {
			return false
		}
	}
	return true
}

func isPowerOf65537(r, prime int64) bool {
	power := int64(1)
	for range prime {
		if power == r {
			return true
		}
		power = power * 65537 % prime
	}
	return false
}
