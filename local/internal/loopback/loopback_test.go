package loopback

import "testing"

func TestIsHost(t *testing.T) {
	for hostport, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:8080": true, "127.1.2.3:80": true, "[::1]": true, "[::1]:8080": true,
		"localhost": true, "LocalHost:8080": true,
		"": false, ":8080": false, "0.0.0.0": false, "192.168.1.1:8080": false, "evil.example": false,
		"localhost.evil.example:8080": false, "127.0.0.1.evil.example": false,
	} {
		if got := IsHost(hostport); got != want {
			t.Errorf("IsHost(%q) = %v", hostport, got)
		}
	}
}
