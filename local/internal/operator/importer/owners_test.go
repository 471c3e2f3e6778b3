package importer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/local/internal/operator/importer/extsort"
)

// The whole table is read, page by page, with consistent reads: mappings that an import has just
// written are compared too.
func TestTheWholeTableIsRead(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var input struct {
			TableName         string
			ConsistentRead    bool
			ExclusiveStartKey map[string]map[string]string
		}
		if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
			t.Error(err)
		}
		asked = append(asked,
			fmt.Sprintf("%s %t %s", input.TableName, input.ConsistentRead, input.ExclusiveStartKey["user_id"]["S"]))
		n := len(asked)
		last := fmt.Sprintf(`,"LastEvaluatedKey":{"user_id":{"S":"u%d"}}`, n)
		if n == 3 {
			last = ""
		}
		_, _ = fmt.Fprintf(w, `{"Items":[{"user_id":{"S":"u%d"},"customer_id":{"S":"cus_%d"}}]%s}`, n, n, last)
	}))
	t.Cleanup(server.Close)
	client := dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
	})
	sorter, err := extsort.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sorter.Close() })
	if err := (&Owners{Mapping: mapping, Scanner: client}).read(t.Context(), sorter, nil, silent); err != nil {
		t.Fatal(err)
	}
	if want := []string{"customers true ", "customers true u1", "customers true u2"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	var owned []string
	for line, err := range sorter.Sorted() {
		if err != nil {
			t.Fatal(err)
		}
		customer, user, _ := split(line)
		owned = append(owned, customer+" "+user)
	}
	if want := []string{"cus_1 u1", "cus_2 u2", "cus_3 u3"}; !slices.Equal(owned, want) {
		t.Errorf("owners %q, want %q", owned, want)
	}
}
