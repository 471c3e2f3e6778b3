package dynamodb

import (
	"encoding/json"
	"maps"
	"slices"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// items stores the items of a table by their keys, as JSON. Decoded, an item that the webhook
// writes takes about five times as much memory, and a table may have millions of items.
type items struct {
	encoded map[string]encodedItem
	sorted  []string // the keys in order; nil if out of date
	size    int      // of all items
}

type encodedItem struct {
	json string
	size int // as DynamoDB counts it, in bytes
}

func (s *items) get(index string) (item map[string]attribute.Value, found bool) {
	encoded, found := s.encoded[index]
	if !found {
		return nil, false
	}
	var wire map[string]json.RawMessage
	_ = json.Unmarshal([]byte(encoded.json), &wire) // put wrote it
	item, _ = attribute.ParseMap(wire)
	return item, true
}

func (s *items) put(index string, item map[string]attribute.Value) error {
	encoded, err := json.Marshal(item)
	if err != nil {
		return err
	}
	before, found := s.encoded[index]
	if !found {
		s.sorted = nil
	}
	if s.encoded == nil {
		s.encoded = map[string]encodedItem{}
	}
	size := attribute.SizeOf(item)
	s.encoded[index] = encodedItem{string(encoded), size}
	s.size += size - before.size
	return nil
}

// keys returns the keys of all items, in order.
func (s *items) keys() []string {
	if s.sorted == nil {
		s.sorted = slices.Sorted(maps.Keys(s.encoded))
	}
	return s.sorted
}
