package params

// nodeKind is what a node holds.
type nodeKind int

const (
	text   nodeKind = iota // a string of a form or of JSON
	number                 // a JSON number, as written
	other                  // true or false
	null
	object // members by name
	list   // elements in order
)

// node is a value of the tree that a form and a JSON document have in common.
type node struct {
	kind    nodeKind
	text    string // of text and number
	isForm  bool   // from a form, where text stands for numbers and indexes for lists
	members map[string]node
	items   []node
}
