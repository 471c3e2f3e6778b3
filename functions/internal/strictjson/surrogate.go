package strictjson

import "bytes"

// hasLoneSurrogate reports whether data has an escape from \uD800 to \uDFFF that is not part of a
// pair. data must be valid JSON, so that a backslash is always inside a string and \u always has
// four digits.
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

// surrogate returns which half of a pair the \uXXXX escape at the start of data is, or
// notSurrogate.
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
