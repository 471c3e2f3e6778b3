// Command bench measures the portal function as deployed: the real bootstrap, as a child
// process over the Runtime API, with simulated distance to every upstream. In turns with it, it
// measures a plain version and the floor, which sends the same requests with the least code. It
// prints a table with targets for people to read; a missed target does not make it fail.
//
//	go run ./local/bench          the tables: with the CPU of 512 MB (Linux, as root), and
//	                              without a limit
//	go run ./local/bench memory   the function with the CPU that each memory size gets (Linux,
//	                              as root)
//	go run ./local/bench load     one process of the function under 1 to 1,000 concurrent requests
//	go run ./local/bench profile  profiles of warm requests to the function
//	go run ./local/bench hostile  the cost of bodies without a credential, compared with a good
//	                              request
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"billingportal/local/bench/internal/cloud"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options configure a measurement.
type options struct {
	distances cloud.Distances
	starts    int      // cold starts of each program
	requests  int      // warm requests of each program
	settings  []string // environment variables of the portal function alone, NAME=VALUE
	sizes     []int    // in MB, for the memory command
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.DurationVar(&o.distances.AWS, "aws", 2*time.Millisecond, "round trip to DynamoDB and Secrets Manager")
	flags.DurationVar(&o.distances.Issuer, "issuer", 2*time.Millisecond, "round trip to the issuer")
	flags.DurationVar(&o.distances.Stripe, "stripe", 20*time.Millisecond, "round trip to Stripe")
	flags.IntVar(&o.starts, "starts", 20, "cold starts of each program")
	flags.IntVar(&o.requests, "requests", 300, "warm requests of each program")
	flags.Func("set",
		"`NAME=VALUE` in the environment of the portal function alone, for example GOGC=50; may be repeated",
		func(setting string) error {
			o.settings = append(o.settings, setting)
			return nil
		})
	o.sizes = []int{128, 256, 512, 1024, fullCPU}
	flags.Func("sizes", "memory sizes in `MB` for the memory command, for example 128,512", func(list string) error {
		o.sizes = nil
		for text := range strings.SplitSeq(list, ",") {
			size, err := strconv.Atoi(text)
			if err != nil || size < 1 || size > fullCPU {
				return fmt.Errorf("%q is not a memory size of at most %d MB", text, fullCPU)
			}
			o.sizes = append(o.sizes, size)
		}
		return nil
	})
	dir := flags.String("dir", ".", "write profiles to this folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.starts < 1 || o.requests < 1 {
		return errors.New("-starts and -requests must be at least 1")
	}
	switch command := flags.Arg(0); command {
	case "":
		return compare(ctx, o, out)
	case "memory":
		return memory(ctx, o, out)
	case "load":
		return load(ctx, o, out)
	case "profile":
		return profile(ctx, o, *dir, out)
	case "hostile":
		return compareHostile(ctx, o, out)
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}
