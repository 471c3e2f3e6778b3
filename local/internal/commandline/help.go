package commandline

import (
	"sync"

	"github.com/urfave/cli/v3"
)

// A help text is one sentence about the command, its usage, its flags, and then examples. The
// sentence is the command's Usage, and the examples begin its Description.
const (
	usageTemplate = `USAGE:
   {{if .UsageText}}{{.UsageText}}{{else}}go run ./{{.FullName}}{{if .VisibleFlags}} [options]{{end}}` +
		`{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}{{end}}`
	commandsTemplate = `{{if .VisibleCommands}}

COMMANDS:{{template "visibleCommandCategoryTemplate" .}}{{end}}`
	optionsTemplate = `{{if .VisibleFlags}}

OPTIONS:{{template "visibleFlagTemplate" .}}{{end}}`
	descriptionTemplate = `{{if .Description}}

{{.Description}}{{end}}
`
	helpTemplate = "{{.Usage}}.\n\n" + usageTemplate + commandsTemplate + optionsTemplate + descriptionTemplate
)

// useTemplates sets the help texts of the library, which are package variables.
var useTemplates = sync.OnceFunc(func() {
	cli.RootCommandHelpTemplate = helpTemplate
	cli.CommandHelpTemplate = helpTemplate
	cli.SubcommandHelpTemplate = helpTemplate
	cli.UsageCommandHelp = "Show this list, or the help of one command"
})
