package main

import (
	"fmt"
	"strings"
)

// replaceRegion puts a body between the lines that have "BEGIN name" and "END name".
func replaceRegion(text, name, body string) (string, error) {
	begin := strings.Index(text, "BEGIN "+name+" (go generate ./...)")
	end := strings.Index(text, "END "+name)
	if begin < 0 || end < begin {
		return "", fmt.Errorf("no region %q", name)
	}
	begin += strings.Index(text[begin:], "\n") + 1
	end = strings.LastIndex(text[:end], "\n") + 1
	return text[:begin] + body + text[end:], nil
}
