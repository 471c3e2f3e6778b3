package auth_test

import (
	"context"
	"errors"
	"fmt"

	"billingportal/functions/internal/auth"
)

// The key and the token are those of RFC 7515, appendix A.3. The token expired in 2011.
func ExampleVerifier_Verify() {
	keys, err := auth.ParseStaticKeySet([]byte(`{"keys":[{"kty":"EC","crv":"P-256",
		"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
		"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier := auth.NewVerifier(auth.Config{Issuer: "joe", Audiences: []string{"billing-portal"}}, keys)
	_, err = verifier.Verify(context.Background(), "eyJhbGciOiJFUzI1NiJ9"+
		".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"+
		".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")

	var invalid *auth.InvalidTokenError
	if errors.As(err, &invalid) {
		fmt.Println("401:", invalid.Reason)
	}
	// Output: 401: no audience
}
