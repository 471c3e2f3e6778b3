package tokenadvice

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// found is a text that may be the token. name is the name next to it in the pasted text, or "".
type found struct{ name, text string }

var (
	authorization = regexp.MustCompile(`(?is)(?:^|[\s'"])authorization["']?\s*[:=]\s*(.*)`)
	scheme        = regexp.MustCompile(`(?is)^["'\s]*(?:(?:bearer|dpop|jwt|token)[\s:]+)+(.*)`)
	alone         = regexp.MustCompile(`^(?:[A-Za-z0-9_~+/-]*={0,2}\.)*[A-Za-z0-9_~+/-]*={0,2}$`)
	continuation  = regexp.MustCompile(`^[A-Za-z0-9_.-]+["';,]*$`)
	// color matches control sequences of terminals (ECMA-48, section 5.4).
	color = regexp.MustCompile(`\x1b\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]`)
	// named finds tokens in cookies, forms, addresses, commands and JavaScript.
	named = regexp.MustCompile(`(?:([A-Za-z0-9_.-]+)["']?\s*[=:]\s*["']?)?\b(eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)+)`)
)

// candidatesIn returns the texts that may be the token, the best one first.
func candidatesIn(pasted string) ([]found, error) {
	text := strings.TrimSpace(readable(pasted))
	if text == "" {
		return nil, errors.New("there is no token on standard input: paste one and press Ctrl-D, or use < token.txt")
	}
	if text[0] == '{' || text[0] == '[' {
		if list, isJSON, err := inJSON(text); isJSON {
			return list, err
		}
	}
	if match := authorization.FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	if match := scheme.FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	joined := withoutSpace(strings.Trim(strings.TrimSpace(text), "\"'`<>“”‘’,;"))
	if alone.MatchString(joined) && !hasSeveralTokens(text) {
		return []found{{"", joined}}, nil
	}
	var list []found
	for _, match := range named.FindAllStringSubmatch(unwrapped(text), -1) {
		list = append(list, found{match[1], match[2]})
	}
	if list = ranked(list); len(list) > 0 {
		return list, nil
	}
	return []found{{"", joined}}, nil
}

// hasSeveralTokens reports whether more than one line of a text is a whole token.
func hasSeveralTokens(text string) bool {
	tokens := 0
	for line := range strings.SplitSeq(text, "\n") {
		if looksSigned(strings.TrimSpace(line)) {
			tokens++
		}
	}
	return tokens > 1
}

// unwrapped joins the lines of a token that was wrapped in the middle of other text.
func unwrapped(text string) string {
	var joined strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if joined.Len() > 0 &&
			!(continuation.MatchString(line) && !looksSigned(line) && strings.Contains(joined.String(), "eyJ")) {
			joined.WriteByte('\n')
		}
		joined.WriteString(line)
	}
	return joined.String()
}

// readable returns the text as UTF-8. It removes byte order marks, invisible characters, colors and
// the marks of a quoted mail, which editors, terminals and mail programs add. Every line ends with
// \n.
func readable(pasted string) string {
	pasted = strings.ToValidUTF8(fromUTF16(pasted), "\uFFFD")
	pasted = color.ReplaceAllString(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(pasted), "")
	var text strings.Builder
	for line := range strings.Lines(pasted) {
		text.WriteString(strings.TrimLeft(line, "> "))
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsSpace(r) && r != '\n':
			return ' '
		}
		return r
	}, text.String())
}

// fromUTF16 decodes UTF-16 with or without a byte order mark. A token is ASCII, so every other byte
// is zero.
func fromUTF16(text string) string {
	if len(text) < 2 {
		return text
	}
	var order binary.ByteOrder
	switch first, second := text[0], text[1]; {
	case first == 0xFF && second == 0xFE, first != 0 && second == 0:
		order = binary.LittleEndian
	case first == 0xFE && second == 0xFF, first == 0 && second != 0:
		order = binary.BigEndian
	default:
		return text
	}
	units := make([]uint16, 0, len(text)/2)
	for i := 0; i+1 < len(text); i += 2 {
		units = append(units, order.Uint16([]byte(text[i:i+2])))
	}
	return string(utf16.Decode(units))
}

func withoutSpace(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// inJSON returns the tokens in the answer of a token endpoint or in another JSON text. A terminal
// may have wrapped the text.
func inJSON(text string) (list []found, isJSON bool, err error) {
	var value any
	if !json.Valid([]byte(text)) {
		text = strings.ReplaceAll(text, "\n", "")
	}
	isJSON = json.Unmarshal([]byte(text), &value) == nil
	if !isJSON {
		return nil, false, nil
	}
	names := map[string]string{}
	members("", value, func(name, text string) {
		if _, ok := names[name]; !ok {
			names[name] = text
		}
		if text != "" && rank(name) < other || looksSigned(text) {
			list = append(list, found{name, text})
		}
	})
	if list = ranked(list); len(list) > 0 {
		return list, true, nil
	}
	has := func(wanted ...string) bool {
		return slices.ContainsFunc(wanted, func(name string) bool { _, ok := names[name]; return ok })
	}
	switch {
	case has("error", "error_description", "errorMessage"):
		err = errors.New("this is an error of the token endpoint, not a token: " +
			Printable(names["error"]+" "+names["error_description"]))
	case has("payload", "signatures", "protected"):
		err = errors.New("this is a token in JSON serialization: the portal accepts only compact tokens, three parts " +
			"joined by dots")
	case has("kty"):
		err = errors.New("this is a key set, not a token: configure fetches key sets; or set JWT_JWKS to this one")
	case has("alg", "iss", "sub", "aud", "kid"):
		err = errors.New("this is the decoded content of a token: paste the token itself, three parts joined by dots")
	case has("refresh_token", "refreshToken", "RefreshToken"):
		err = errors.New("this JSON has only a refresh token, which only the provider accepts: paste an access token " +
			"or an ID token")
	default:
		err = errors.New("this JSON has no token: it must have access_token, id_token or token")
	}
	return nil, true, err
}

// members visits the strings in a JSON value, each with its member name.
func members(name string, value any, visit func(name, text string)) {
	switch value := value.(type) {
	case string:
		visit(name, value)
	case []any:
		for _, item := range value {
			members(name, item, visit)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			members(name, value[name], visit)
		}
	}
}

const (
	access = iota
	identity
	plain
	other
	refresh
)

// rank orders several tokens: the token for an API comes first.
func rank(name string) int {
	switch strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name)) {
	case "accesstoken":
		return access
	case "idtoken":
		return identity
	case "token", "jwt", "sessionjwt", "sessiontoken", "authtoken":
		return plain
	case "refreshtoken", "refreshjwt":
		return refresh
	}
	return other
}

func ranked(list []found) []found {
	list = slices.DeleteFunc(list, func(f found) bool { return rank(f.name) == refresh })
	slices.SortStableFunc(list, func(a, b found) int { return rank(a.name) - rank(b.name) })
	return list
}

func looksSigned(text string) bool {
	return strings.HasPrefix(text, "eyJ") && strings.Count(text, ".") == 2
}
