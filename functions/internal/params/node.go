package params

// nodeKind is the type of the value in a node.
type nodeKind int

const (
	text   nodeKind = iota // a string of a form or of JSON
	number                 // a JSON number, as written
	other                  // true or false
	null
	object // members by name
	list   // elements in order
)

// A node is a value in the tree that forms and JSON documents are read into.
type node struct {
	kind    nodeKind
	text    string // for text and number
	isForm  bool   // from a form, which writes numbers as text and lists as indexes
	members map[string]node
	items   []node
}
