package strictjson

import "bytes"

// hasLoneSurrogate looks for a \uD800-\uDFFF escape that is not half of a pair.
// The JSON is known to be valid, so a backslash is always inside a string and
// \u always has four digits.
func hasLoneSurrogate(data []byte) bool {
	for {
		i := bytes.IndexByte(data, '\\')
		if i < 0 {
			return false
		}
		data = data[i:]
		if data[1] != 'u' {
			data = data[2:]
			continue
		}
		switch surrogate(data) {
		case lowSurrogate:
			return true
		case highSurrogate:
			if data = data[6:]; surrogate(data) != lowSurrogate {
				return true
			}
		}
		data = data[6:]
	}
}

const (
	notSurrogate = iota
	highSurrogate
	lowSurrogate
)

// surrogate says which half, if any, the \uXXXX escape at the start of data is.
func surrogate(data []byte) int {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' || data[2]|0x20 != 'd' {
		return notSurrogate
	}
	switch data[3] | 0x20 {
	case '8', '9', 'a', 'b':
		return highSurrogate
	case 'c', 'd', 'e', 'f':
		return lowSurrogate
	}
	return notSurrogate
}
