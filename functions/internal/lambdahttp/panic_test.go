package lambdahttp

import (
	"errors"
	"net/http"
	"testing"
)

func TestPanicErrorOmitsEveryValueButTheRuntimesOwn(t *testing.T) {
	const secret = "MARKERx7Q"
	runtimeError := func() (value any) {
		defer func() { value = recover() }()
		var list []int
		_ = list[len(secret)]
		return nil
	}()
	for name, test := range map[string]struct {
		value any
		want  string
	}{
		"the runtime's error":   {runtimeError, "runtime error: index out of range [9] with length 0\nat handler.go:1"},
		"an error":              {errors.New(secret), "panic\nat handler.go:1"},
		"text":                  {secret, "panic\nat handler.go:1"},
		"a value with a secret": {struct{ token string }{secret}, "panic\nat handler.go:1"},
		"http.ErrAbortHandler":  {http.ErrAbortHandler, "panic\nat handler.go:1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&PanicError{Value: test.value, Stack: []byte("at handler.go:1")}).Error(); got != test.want {
				t.Errorf("Error = %q, want %q", got, test.want)
			}
		})
	}
}
