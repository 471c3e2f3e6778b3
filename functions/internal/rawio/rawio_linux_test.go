//go:build !race

package rawio_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"billingportal/functions/internal/rawio"
)

func TestWhatIsMadeRaw(t *testing.T) {
	a, b, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	if _, bare := rawio.Conn(a).(*net.TCPConn); bare {
		t.Error("a TCP connection is left as it is")
	}

	reader, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer pipe.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for name, test := range map[string]struct {
		file, other *os.File
		bare        bool
	}{
		"a file":                   {file, pipe, false},
		"a pipe":                   {pipe, file, false},
		"what others write to too": {pipe, pipe, true},
		"a device":                 {device, pipe, true},
	} {
		if _, bare := rawio.Writer(test.file, test.other).(*os.File); bare != test.bare {
			t.Errorf("%s: left as it is: %v", name, bare)
		}
	}
}
