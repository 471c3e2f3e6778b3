package problem

import (
	"net/http"
	"testing"
)

func TestNegotiate(t *testing.T) {
	for name, test := range map[string]struct {
		accept []string
		dest   string // Sec-Fetch-Dest
		want   Wanted
	}{
		"has no Accept":                     {nil, "", Redirect},
		"accepts anything, as curl":         {[]string{"*/*"}, "", Redirect},
		"accepts any text, any application": {[]string{"text/*, application/*"}, "", Redirect},
		"wants an image": {[]string{"image/avif,image/webp,*/*;q=0.8"},
			"image", Redirect},
		"wants JSON":                    {[]string{"application/json"}, "", JSON},
		"wants problem documents":       {[]string{"application/problem+json"}, "", JSON},
		"wants JSON in capitals":        {[]string{" Application/JSON "}, "", JSON},
		"wants JSON, as axios":          {[]string{"application/json, text/plain, */*"}, "", JSON},
		"wants JSON in a second header": {[]string{"*/*;q=0.1", "application/json"}, "", JSON},
		"wants JSON with parameters": {[]string{
			"application/json;charset=utf-8;q=0.5, text/html;q=0.4",
		}, "", JSON},
		"refuses JSON":   {[]string{"application/json;q=0, */*"}, "", Redirect},
		"wants a page":   {[]string{"text/html"}, "", Page},
		"wants XHTML":    {[]string{"application/xhtml+xml"}, "", Page},
		"refuses a page": {[]string{"text/html;q=0, */*"}, "", Redirect},
		"is a browser's navigation": {[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
			"document", Page},
		"prefers a page": {[]string{"application/json;q=0.8, text/html;q=0.9"},
			"", Page},
		"prefers JSON": {[]string{"text/html;q=0.8, application/json;q=0.9"},
			"", JSON},
		"prefers JSON by a thousandth": {[]string{"text/html;q=0.998, application/json;q=0.999"},
			"", JSON},
		"prefers JSON in capitals": {[]string{"text/html;Q=0.8, application/json;Q=0.9"},
			"", JSON},
		"names a page first": {[]string{"text/html, application/json"}, "", Page},
		"names JSON first":   {[]string{"application/json, text/html"}, "", JSON},
		"names JSON first, then a page, then JSON again": {[]string{
			"application/json, text/html, application/json;q=0.1",
		}, "", JSON},
		"refuses JSON and hardly wants a page": {[]string{"application/json;q=0, text/html;q=0.001"},
			"", Page},
		"wants JSON with the greatest weight": {[]string{"text/html;q=0.9, application/json;q=1.000"},
			"", JSON},
		"has a weight of more than 1": {[]string{"application/json;q=1.001, text/html;q=0.1"},
			"", Page},
		"has a weight of less than 0": {[]string{"application/json;q=-1, text/html;q=0.1"},
			"", Page},
		"has a weight that is NaN": {[]string{"application/json;q=NaN, text/html;q=0.1"},
			"", Page},
		"has a weight of a page that is NaN": {[]string{"application/json;q=0.1, text/html;q=NaN"},
			"", JSON},
		"has a weight that is text": {[]string{"application/json;q=high, text/html;q=0.1"},
			"", Page},
		"has a weight that is empty": {[]string{"application/json;q=, text/html;q=0.1"},
			"", Page},
		"is a script's fetch":                               {nil, "empty", JSON},
		"is a script's fetch that accepts anything":         {[]string{"*/*"}, "empty", JSON},
		"is a script's fetch that claims to want a page":    {[]string{"text/html"}, "empty", JSON},
		"is a navigation of a frame":                        {[]string{"text/html"}, "iframe", Page},
		"is a navigation that accepts anything":             {[]string{"*/*"}, "document", Redirect},
		"has an entry without a media type before the page": {[]string{",;q=1, text/html"}, "", Page},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Accept": test.accept}
			if test.dest != "" {
				header.Set("Sec-Fetch-Dest", test.dest)
			}
			if got := Negotiate(header); got != test.want {
				t.Errorf("Negotiate = %d, want %d", got, test.want)
			}
		})
	}
}
