package configure

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/commandline/commandtest"
)

func inUTF16(text string, bigEndian bool) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		if bigEndian {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return string(out)
}

// wrapped breaks a text into lines, as terminals and mail programs do.
func wrapped(text, lineBreak string) string {
	var lines []string
	for len(text) > 60 {
		lines, text = append(lines, text[:60]), text[60:]
	}
	return strings.Join(append(lines, text), lineBreak)
}

func TestConfigureReadsPastedTokens(t *testing.T) {
	keys := newSigner(t)
	claims := map[string]any{"iss": "https://tenant.example.com/", "aud": "api", "sub": "u"}
	token := keys.sign(t, claims)
	identity := keys.sign(t, map[string]any{"iss": "https://tenant.example.com/", "aud": "web", "sub": "u"})
	graph := keys.sign(t,
		map[string]any{"iss": "https://tenant.example.com/", "aud": "https://graph.microsoft.com", "sub": "u"})
	asJSON := func(members map[string]any) string {
		text, err := json.MarshalIndent(members, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	answer := map[string]any{"access_token": token, "id_token": identity, "refresh_token": "opaque",
		"token_type": "Bearer", "expires_in": 3600}
	with := func(name, value string) string {
		members := maps.Clone(answer)
		members[name] = value
		return asJSON(members)
	}
	for name, test := range map[string]struct{ pasted, audience, source string }{
		"unchanged":                  {token, "api", ""},
		"with white space around it": {" \r\n\t" + token + "\n\n", "api", ""},
		"in double quotes":           {`"` + token + `"` + "\n", "api", ""},
		"in single quotes":           {"'" + token + "'", "api", ""},
		"in backquotes":              {"`" + token + "`", "api", ""},
		"in quotes of a word processor": {
			"“" + token + "”", "api", "",
		},
		"in angle brackets":               {"<" + token + ">", "api", ""},
		"with a byte order mark":          {"\uFEFF" + token, "api", ""},
		"UTF-16, little endian, marked":   {inUTF16("\uFEFF"+token+"\r\n", false), "api", ""},
		"UTF-16, big endian, marked":      {inUTF16("\uFEFF"+token+"\r\n", true), "api", ""},
		"UTF-16, little endian":           {inUTF16(token, false), "api", ""},
		"UTF-16, big endian":              {inUTF16(token, true), "api", ""},
		"wrapped":                         {wrapped(token, "\n"), "api", ""},
		"wrapped by Windows":              {wrapped(token, "\r\n"), "api", ""},
		"wrapped by an old Mac":           {wrapped(token, "\r"), "api", ""},
		"wrapped and indented":            {"  " + wrapped(token, "\n  "), "api", ""},
		"quoted in a mail":                {"> " + wrapped(token, "\n> "), "api", ""},
		"with zero-width spaces":          {wrapped(token, "\u200b"), "api", ""},
		"with its scheme":                 {"Bearer " + token, "api", ""},
		"with its scheme on another line": {"bearer\n" + wrapped(token, "\n"), "api", ""},
		"with its scheme twice":           {"Bearer Bearer " + token, "api", ""},
		"with a scheme of Django":         {"Token " + token, "api", ""},
		"with its header":                 {"authorization: bearer " + token + "\r\n", "api", ""},
		"with its header, in quotes":      {`"Authorization: Bearer ` + token + `"`, "api", ""},
		"with its header, as JSON":        {`"Authorization": "Bearer ` + token + `",`, "api", ""},
		"among other headers": {"Host: example.com\nAuthorization: Bearer " + token + "\nAccept: */*\n",
			"api", ""},
		"among other headers, wrapped": {"Authorization: Bearer " + wrapped(token, "\n") + "\nAccept: */*\n",
			"api", ""},
		"in a curl command": {"curl -X POST -H 'Authorization: Bearer " + token +
			"' -H 'Accept: */*' https://api.example.com/", "api", ""},
		"in a cookie": {"Cookie: theme=dark; __session=" + token + "; other=1",
			"api", "__session"},
		"in a cookie, wrapped": {"Cookie: theme=dark; __session=" + wrapped(token, "\n") + "\nAccept: */*",
			"api", "__session"},
		"in a cookie that is set": {"session=" + token + "; Path=/; HttpOnly", "api", "session"},
		"in an address": {"https://app.example.com/callback#access_token=" + token +
			"&token_type=bearer&expires_in=3600", "api", "access_token"},
		"in an address, both": {"https://app.example.com/callback#id_token=" + identity +
			"&access_token=" + token, "api", "access_token, of 2 tokens"},
		"in JavaScript":                   {"{ accessToken: '" + token + "', expiresIn: 3600 }", "api", "accessToken"},
		"as a variable":                   {"TOKEN=" + token, "api", "TOKEN"},
		"a string of JSON":                {` "` + token + `" `, "api", ""},
		"the token endpoint's answer":     {asJSON(answer), "api", "access_token, of 2 tokens"},
		"the same, in UTF-16":             {inUTF16("\uFEFF"+asJSON(answer), false), "api", "access_token"},
		"the same, wrapped":               {wrapped(asJSON(answer), "\n"), "api", "access_token"},
		"the same, wrapped by Windows":    {wrapped(asJSON(answer), "\r\n"), "api", "access_token"},
		"the same, wrapped by an old Mac": {wrapped(asJSON(answer), "\r"), "api", "access_token"},
		"twice":                           {token + "\n" + token + "\n", "api", "the first, of 2 tokens"},
		"two, one on each line":           {token + "\r\n" + identity, "api", "the first, of 2 tokens"},
		"in color":                        {"\x1b[1;32m" + token + "\x1b[0m\x1b[K", "api", ""},
		"the same, deeper": {asJSON(map[string]any{"data": map[string]any{"session": answer}}),
			"api", "access_token"},
		"in Amazon Cognito's names": {asJSON(
			map[string]any{"AuthenticationResult": map[string]any{"AccessToken": token, "IdToken": identity}}),
			"api", "AccessToken"},
		"in Firebase's names": {asJSON(map[string]any{"idToken": identity, "refreshToken": "x"}),
			"web", "idToken"},
		"an answer with an opaque token": {with("access_token", "ya29.a0AfExample"), "web",
			"access_token cannot be used: this is an opaque token"},
		"an answer with an encrypted one": {with("access_token", "a.b.c.d.e"), "web",
			"this token is encrypted (five parts)"},
		"an answer with one for Graph": {with("access_token", graph), "web",
			"access_token is for an API that all users share"},
		"an answer with only the token":    {asJSON(map[string]any{"token": token}), "api", "token"},
		"an answer with an unknown member": {asJSON(map[string]any{"credential": token}), "api", "credential"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := configure(t, test.pasted, nil, true)
			if err != nil || !strings.Contains(output, "ALL BUT THE SIGNATURE") {
				t.Fatalf("%v\n%s", err, output)
			}
			if got := parametersIn(output)["JwtAudience"]; got != test.audience {
				t.Errorf("audience %q", got)
			}
			taken := regexp.MustCompile(`(?m)^  taken from  (.*)$`).FindString(output)
			if !strings.Contains(taken, test.source) || (taken == "") != (test.source == "") {
				t.Errorf("%q does not say %q", taken, test.source)
			}
		})
	}
}

// unsigned returns a token with a header, claims and an invalid signature. Only a check of the
// signature refuses it.
func unsigned(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}

const rs256 = `{"alg":"RS256"}`

func TestConfigureGivesTheTrueReason(t *testing.T) {
	claims := func(changes string) string {
		members := map[string]any{"iss": "https://tenant.example.com/", "aud": "api", "sub": "u",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
		var changed map[string]any
		if err := json.Unmarshal([]byte(changes), &changed); err != nil {
			t.Fatal(err)
		}
		for name, value := range changed {
			members[name] = value
			if value == nil {
				delete(members, name)
			}
		}
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	of := func(changes string) string { return unsigned(rs256, claims(changes)) }
	at := func(name string, d time.Duration) string {
		return fmt.Sprintf(`%q:%d`, name, time.Now().Add(d).Unix())
	}
	good := of("{}")
	parts := strings.Split(good, ".")
	padded := base64.URLEncoding.EncodeToString([]byte(claims(`{"sub":"uu"}`)))
	if !strings.HasSuffix(padded, "=") {
		padded = base64.URLEncoding.EncodeToString([]byte(claims(`{"sub":"u"}`)))
	}
	for name, test := range map[string]struct{ pasted, want string }{
		// Texts that the portal can never accept.
		"nothing":             {" \n", "no token on standard input"},
		"white space, UTF-16": {inUTF16("\uFEFF \r\n", false), "no token on standard input"},
		"opaque":              {"2YotnFZFEjr1zCsicMWpAA", "opaque token"},
		"opaque, with a dot":  {"ya29.a0AfH6SMExample", "opaque token"},
		"a sentence":          {"I have no token", "opaque token"},
		"encrypted":           {"eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..a.b.c", "encrypted (five parts)"},
		"HS256":               {unsigned(`{"alg":"HS256"}`, claims("{}")), "shared secret (HS256)"},
		"hs512":               {unsigned(`{"alg":"hs512"}`, claims("{}")), "shared secret (hs512)"},
		"none":                {unsigned(`{"alg":"None"}`, claims("{}")), "not signed"},
		"no algorithm":        {unsigned(`{"user":1}`, claims("{}")), "names no algorithm"},
		"only the first part": {parts[0], "it has 1 of the three parts"},
		"no signature":        {parts[0] + "." + parts[1], "it has 2 of the three parts"},
		"dots for the rest":   {good[:len(good)/2] + "...", "this token was cut"},
		"dots in between":     {parts[0] + "...." + parts[2], "this token was cut"},
		"an empty signature":  {parts[0] + "." + parts[1] + ".", "REFUSED: no signature"},
		"cut in front":        {good[5:], "the first part of this token is not"},
		"cut in between": {parts[0] + "." + parts[1][3:] + "." + parts[2],
			"the second part of this token is not"},
		"padded":             {parts[0] + "." + padded + "." + parts[2], "base64 with +, / or ="},
		"text after it":      {unsigned(rs256, claims("{}")+"{}"), "has text after its JSON object"},
		"an array":           {unsigned(rs256, "[]"), "the second part of this token is not"},
		"a token in a token": {unsigned(rs256, good), "contains another token"},
		"compressed":         {unsigned(`{"alg":"RS256","zip":"DEF"}`, claims("{}")), "compressed"},
		"PASETO":             {"v4.public.eyJkYXRhIjoiIn0", "PASETO"},
		"a key of Stripe":    {"rk_test_123", "Stripe key or secret"},
		"an error": {`{"error":"invalid_grant","error_description":"code expired"}`,
			"an error of the token endpoint, not a token: invalid_grant code expired"},
		"decoded":        {claims("{}"), "decoded content of a token"},
		"decoded header": {rs256, "decoded content of a token"},
		"keys": {`{"keys":[{"kty":"RSA","kid":"1","alg":"RS256","n":"x","e":"AQAB"}]}`,
			"this is a key set, not a token"},
		"an empty token":     {`{"access_token":"","token_type":"Bearer"}`, "this JSON has no token: it must have"},
		"JSON serialization": {`{"payload":"e30","signatures":[]}`, "JSON serialization"},
		"a refresh token":    {`{"refresh_token":"x"}`, "only a refresh token"},
		"another JSON":       {`{"a":[1,"b"]}`, "this JSON has no token: it must have"},
		"JSON, HS256": {`{"access_token":"` + unsigned(`{"alg":"HS256"}`, claims("{}")) + `"}`,
			"access_token: this token is signed with a shared secret"},

		// Tokens that no settings accept.
		"no issuer":              {of(`{"iss":null}`), "REFUSED: no issuer\nThe token has no issuer (iss)"},
		"an empty issuer":        {of(`{"iss":""}`), "REFUSED: no issuer\nThe issuer (iss) is empty"},
		"an issuer of a number":  {of(`{"iss":17}`), "REFUSED: no issuer\nThe issuer (iss) is a number (17)"},
		"an issuer with a space": {of(`{"iss":"my tenant"}`), "REFUSED: an issuer that no setting can have"},
		"an issuer with a comma": {of(`{"iss":"https://a.example,https://b.example"}`),
			"REFUSED: an issuer that no setting can have"},
		"no audience": {of(`{"aud":null}`),
			"REFUSED: no audience\nThe token does not say whom it is for"},
		"an empty audience":        {of(`{"aud":[]}`), "REFUSED: no audience"},
		"an audience of a number":  {of(`{"aud":17}`), "REFUSED: malformed audience"},
		"an audience with a space": {of(`{"aud":"my api"}`), "No item of JWT_AUDIENCE can have this audience"},
		"no subject":               {of(`{"sub":null}`), "REFUSED: no user\nThe token has no subject (sub)"},
		"an empty subject":         {of(`{"sub":""}`), "REFUSED: no user\nThe subject (sub) is empty"},
		"a numeric subject": {of(`{"sub":1234567890123456789}`),
			"REFUSED: no user\nThe subject (sub) is a number (1234567890123456"},
		"a subject in an object":      {of(`{"sub":{"id":"u"}}`), "REFUSED: no user\nThe subject (sub) is an object"},
		"a subject with a line break": {of(`{"sub":"a\nb"}`), "REFUSED: user with control characters"},
		"a subject of 256 characters": {of(`{"sub":"` + strings.Repeat("ä", 256) + `"}`),
			"REFUSED: user longer than 255 characters"},
		"only an unverified address": {of(`{"sub":null,"email":"jane@example.com","email_verified":false}`),
			"REFUSED: no user"},
		"no expiry": {of(`{"exp":null}`), "REFUSED: no expiry"},
		"an expiry in milliseconds": {of(fmt.Sprintf(`{"exp":%d}`, time.Now().Add(time.Hour).UnixMilli())),
			"REFUSED: malformed expiry\nexp is in milliseconds ("},
		"an expiry in microseconds": {of(fmt.Sprintf(`{"exp":%d}`, time.Now().UnixMicro())),
			"exp is in microseconds ("},
		"an expiry in nanoseconds": {of(fmt.Sprintf(`{"exp":%d}`, time.Now().UnixNano())),
			"exp is in nanoseconds ("},
		"an issue in milliseconds": {of(fmt.Sprintf(`{"iat":%d}`, time.Now().UnixMilli())),
			"REFUSED: malformed time of issue\niat is in milliseconds ("},
		"a start in milliseconds": {of(fmt.Sprintf(`{"nbf":%d}`, time.Now().UnixMilli())),
			"REFUSED: malformed not-before time\nnbf is in milliseconds ("},
		"an expiry in a string": {of(`{"exp":"1900000000"}`),
			"REFUSED: malformed expiry\nexp is a string, not a number"},
		"an expiry before 1970": {of(`{"exp":-1}`), "exp is before 1970"},
		"expired": {of(`{` + at("iat", -2*time.Hour) + `,` + at("exp", -time.Hour) + `}`),
			"EXPIRED. Everything else is in order"},
		"expired before its issue": {of(`{` + at("iat", -time.Hour) + `,` + at("exp", -2*time.Hour) + `}`),
			"EXPIRED. It was never valid"},
		"expired, issued in the future": {of(`{` + at("iat", time.Hour) + `,` + at("exp", -2*time.Hour) + `}`),
			"EXPIRED. It was never valid"},
		"expired before its start": {of(`{` + at("nbf", -time.Hour) + `,` + at("exp", -2*time.Hour) + `}`),
			"EXPIRED. It was never valid"},
		"expired, and no user": {of(`{"sub":null,` + at("iat", -2*time.Hour) + `,` + at("exp", -time.Hour) + `}`),
			"REFUSED: no user"},
		"issued in the future": {of(`{` + at("iat", 10*time.Minute) + `}`), "REFUSED: issued in the future"},
		"not valid yet":        {of(`{` + at("nbf", 10*time.Minute) + `}`), "REFUSED: not valid yet"},
		"for a logout": {unsigned(`{"alg":"RS256","typ":"logout+jwt"}`, claims("{}")),
			"REFUSED: typ not accepted"},
		"with an extension": {unsigned(`{"alg":"RS256","crit":["x"],"x":1}`, claims("{}")),
			"REFUSED: crit in header"},
		"of another algorithm": {unsigned(`{"alg":"ES256K"}`, claims("{}")), "REFUSED: algorithm not accepted"},
		"with a member twice":  {unsigned(rs256, `{"iss":"a","iss":"b"}`), "REFUSED: payload: duplicate member"},
		"too large":            {of(`{"groups":"` + strings.Repeat("x", 8000) + `"}`), "REFUSED: larger than 8 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := configure(t, test.pasted, nil, true)
			if err == nil {
				t.Fatalf("no error:\n%s", output)
			}
			if !strings.Contains(output+err.Error(), test.want) {
				t.Errorf("nothing of %q in:\n%s%v", test.want, output, err)
			}
			isExpired := strings.Contains(output, "EXPIRED")
			if (len(parametersIn(output)) > 0) != isExpired || strings.Contains(output, "--everyone") != isExpired {
				t.Errorf("parameters for a token that no settings accept:\n%s", output)
			}
			if strings.Contains(output, "REFUSED") && !strings.Contains(output, "No settings accept this token.") {
				t.Errorf("it does not say that no settings accept it:\n%s", output)
			}
		})
	}
}

// hostile has characters that move the cursor, color the screen, or change the reading order of a
// line.
const hostile = "\x1b[2J\x1b]0;owned\x07\b\r\n\x00\x7f\u009b31m\u0085\u2028\u2029\u202e\u2066\u200f\u200b\U000e0041"

func requirePrintable(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || !unicode.IsGraphic(r) || unicode.In(r, unicode.Zl, unicode.Zp)) {
			t.Fatalf("%U in %q", r, text)
		}
	}
}

func TestConfigurePrintsNoControlCharacters(t *testing.T) {
	quoted := func(text string) string {
		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	h := quoted(hostile)
	times := fmt.Sprintf(`"exp":%d`, time.Now().Add(time.Hour).Unix())
	claims := func(members string) string {
		return `{"iss":"https://tenant.example.com/","aud":"api","sub":"u",` + members + times + "}"
	}
	for name, pasted := range map[string]string{
		"algorithm":     unsigned(`{"alg":`+h+`}`, claims("")),
		"shared secret": unsigned(`{"alg":"HS`+h[1:]+`}`, claims("")),
		"key":           unsigned(`{"alg":"RS256","kid":`+h+`,"typ":`+h+`}`, claims("")),
		"issuer":        unsigned(rs256, `{"iss":`+h+`,"aud":"api","sub":"u",`+times+`}`),
		"audience": unsigned(rs256,
			`{"iss":"https://tenant.example.com/","aud":["api",`+h+`],"sub":"u",`+times+`}`),
		"audience alone": unsigned(rs256,
			`{"iss":"https://tenant.example.com/","aud":`+h+`,"sub":"u",`+times+`}`),
		"client": unsigned(rs256,
			`{"iss":"https://tenant.example.com/","azp":`+h+`,"sub":"u",`+times+`}`),
		"user": unsigned(rs256,
			`{"iss":"https://tenant.example.com/","aud":"api","sub":`+h+`,`+times+`}`),
		"scope":           unsigned(rs256, claims(`"scope":`+h+`,"scp":[`+h+`],`)),
		"role":            unsigned(rs256, claims(`"roles":[`+h+`],"app":{`+h+`:{"roles":`+h+`}},`)),
		"team":            unsigned(rs256, claims(`"org_id":`+h+`,"o":{"id":`+h+`},`)),
		"name of a claim": unsigned(rs256, claims(h+`:"x","user_metadata":{`+h+`:`+h+`},`)),
		"name of a role":  unsigned(rs256, claims(`"`+strings.Trim(h, `"`)+`/roles":"x",`)),
		"time": unsigned(rs256,
			`{"iss":"https://tenant.example.com/","aud":"api","sub":"u","exp":`+h+`}`),
		"name in JSON":         `{` + h + `:"` + unsigned(rs256, claims("")) + `"}`,
		"error in JSON":        `{"error":` + h + `,"error_description":` + h + `}`,
		"text":                 hostile,
		"text before a token":  hostile + unsigned(rs256, claims("")),
		"text within a cookie": "a" + hostile + "=" + unsigned(rs256, claims("")),
	} {
		t.Run(name, func(t *testing.T) {
			for _, variables := range []map[string]string{nil,
				{"JWT_ISSUER": "https://other.example.com", "JWT_AUDIENCE": "other"}} {
				output, err := configure(t, pasted, variables, true)
				requirePrintable(t, output)
				if err != nil {
					requirePrintable(t, err.Error())
				}
			}
		})
	}
}

// The command reads standard input and the variables of the process.
func TestConfigureCommandReadsStandardInput(t *testing.T) {
	for _, name := range tokenVariables {
		t.Setenv(name, "")
	}
	t.Setenv("JWT_AUDIENCE", "other")
	token := newSigner(t).sign(t, map[string]any{"iss": "https://tenant.example.com/", "aud": "api", "sub": "u"})
	for name, test := range map[string]struct {
		stdin, want string
	}{
		"a token":      {inUTF16("\uFEFF"+token, false), "REFUSED: audience mismatch"},
		"nothing":      {"", "no token on standard input"},
		"a whole file": {strings.Repeat(token+"\n", 1000), "more than 256 KiB"},
	} {
		var out strings.Builder
		command := commandLine()
		command.Reader, command.Writer = strings.NewReader(test.stdin), &out
		err := command.Run(t.Context(), []string{"local", "configure", "--offline"})
		if err == nil || !strings.Contains(out.String()+err.Error(), test.want) {
			t.Errorf("%s: %v\n%s", name, err, &out)
		}
		if !strings.HasPrefix(out.String(), "Checking the token on standard input against JWT_AUDIENCE of the "+
			"environment.\n") && name != "a whole file" {
			t.Errorf("%s: it does not say what it checks:\n%s", name, &out)
		}
	}
}

func commandLine() *cli.Command {
	return commandline.Finish(&cli.Command{Commands: []*cli.Command{Command(os.Getenv)}},
		func(*cli.Command) string { return "" })
}

func TestEveryFlagHasAnEffect(t *testing.T) {
	commandtest.RequireEffects(t, commandLine().Commands, map[string]commandtest.FlagTest{
		"configure --offline": {[2]string{"", "yes"}, [2]string{"true", "false"},
			func(t *testing.T, value string) string {
				for _, name := range tokenVariables {
					t.Setenv(name, "")
				}
				var fetched atomic.Bool
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					fetched.Store(true)
					http.NotFound(w, r)
				}))
				defer server.Close()
				command := commandLine()
				command.Reader = strings.NewReader(newSigner(t).sign(t,
					map[string]any{"iss": server.URL, "aud": "api", "sub": "u"}))
				command.Writer, command.ErrWriter = io.Discard, io.Discard
				// whether or not the token is refused
				_ = command.Run(t.Context(),
					append([]string{"local", "configure"}, commandtest.Option("--offline", value)...))
				return fmt.Sprint(fetched.Load())
			}},
	})
}
