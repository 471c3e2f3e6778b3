package lambdahttp

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestDirectoriesAreSkippedOnlyInLambdaWithABundle(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // WriteFile applies the umask
			t.Fatal(err)
		}
		return path
	}
	bundle := file("bundle.crt", "-----BEGIN CERTIFICATE-----\n", 0o444)
	empty := file("empty.crt", "", 0o444)
	private := file("private.crt", "-----BEGIN CERTIFICATE-----\n", 0o400)
	link, dangling := filepath.Join(dir, "link.crt"), filepath.Join(dir, "dangling.crt")
	for name, target := range map[string]string{link: bundle, dangling: filepath.Join(dir, "missing.pem")} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(dir, "missing.crt")
	inLambda := map[string]string{"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
	with := func(name, value string) map[string]string {
		return map[string]string{"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", name: value}
	}
	for name, test := range map[string]struct {
		environment map[string]string
		bundles     []string
		want        string
	}{
		"in Lambda with a bundle":               {inLambda, []string{bundle}, "/dev/null"},
		"a link to a bundle":                    {inLambda, []string{link}, "/dev/null"},
		"only the first that exists counts":     {inLambda, []string{missing, dangling, bundle}, "/dev/null"},
		"without a bundle":                      {inLambda, []string{missing, dangling}, ""},
		"an empty bundle":                       {inLambda, []string{empty}, ""},
		"an empty bundle that Go prefers":       {inLambda, []string{empty, bundle}, ""},
		"a bundle that not every user may read": {inLambda, []string{private, bundle}, ""},
		"a directory":                           {inLambda, []string{dir}, ""},
		"not in Lambda":                         {nil, []string{bundle}, ""},
		"the operator's file":                   {with("SSL_CERT_FILE", "/opt/ca.pem"), []string{bundle}, ""},
		"the operator's directory":              {with("SSL_CERT_DIR", "/opt/certificates"), []string{bundle}, ""},
		"an empty variable, which Go ignores":   {with("SSL_CERT_FILE", ""), []string{bundle}, "/dev/null"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SSL_CERT_DIR", "") // restored after the test
			if err := readCertificatesOnce(func(variable string) string { return test.environment[variable] },
				test.bundles); err != nil {
				t.Fatal(err)
			}
			if got := os.Getenv("SSL_CERT_DIR"); got != test.want {
				t.Errorf("SSL_CERT_DIR = %q, want %q", got, test.want)
			}
		})
	}
}

// If Go read the files in another order, haveCertificates could check the wrong file.
func TestBundlesAreThoseOfGo(t *testing.T) {
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "crypto", "x509", "root_linux.go")
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "certFiles" {
			return true
		}
		for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
			path, err := strconv.Unquote(element.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, path)
		}
		return false
	})
	if got := bundles(); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("bundles = %q, Go's are %q", got, want)
	}
}

// Go reads the certificates once in the life of a process, so the test needs a child process.
// SSL_CERT_FILE makes Go read the test's bundle there; the code under test does not see the
// variable.
func TestTheBundleAloneIsTrusted(t *testing.T) {
	if bundle := os.Getenv("SSL_CERT_FILE"); os.Getenv(child) != "" {
		checkTrust(t, bundle)
		return
	}
	known := httptest.NewTLSServer(http.NotFoundHandler())
	defer known.Close()
	bundle := filepath.Join(t.TempDir(), "ca-bundle.crt")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: known.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o644); err != nil {
		t.Fatal(err)
	}
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	process.Env = []string{child + "=" + known.URL, "SSL_CERT_FILE=" + bundle, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001"}
	if output, err := process.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

func checkTrust(t *testing.T, bundle string) {
	t.Helper()
	getenv := func(variable string) string {
		if variable == "SSL_CERT_FILE" {
			return ""
		}
		return os.Getenv(variable)
	}
	if err := readCertificatesOnce(getenv, []string{bundle}); err != nil {
		t.Fatal(err)
	}
	response, err := get(t, os.Getenv(child))
	if err != nil || response.StatusCode != http.StatusNotFound {
		t.Errorf("a server that the bundle knows: %v, %v", response, err)
	}
	certificates, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	want := x509.NewCertPool()
	want.AppendCertsFromPEM(certificates)
	if got, err := x509.SystemCertPool(); err != nil || !got.Equal(want) {
		t.Errorf("the system's certificates are not the bundle's: %v", err)
	}
}

// With this machine's own bundle, a server is refused if another authority has signed its
// certificate.
func TestAnUnknownAuthorityIsRefused(t *testing.T) {
	if url := os.Getenv(child); url != "" {
		if err := readCertificatesOnce(os.Getenv, bundles()); err != nil {
			t.Fatal(err)
		}
		var refused *tls.CertificateVerificationError
		if _, err := get(t, url); !errors.As(err, &refused) {
			t.Errorf("err = %v, want a refused certificate", err)
		}
		return
	}
	unknown := httptest.NewTLSServer(http.NotFoundHandler())
	defer unknown.Close()
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	process.Env = []string{child + "=" + unknown.URL, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001"}
	if output, err := process.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

func get(t *testing.T, url string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	return response, err
}
