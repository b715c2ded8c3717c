// Command jcscheck writes JSON in the canonical form of RFC 8785, by that RFC's author's own code.
//
//	jcscheck < documents
//
// It reads one JSON document a line and prints its canonical form, or "refused" and why.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		written, err := jsoncanonicalizer.Transform(lines.Bytes())
		if err != nil {
			fmt.Fprintln(out, "refused:", err)
			continue
		}
		out.Write(written)
		out.WriteByte('\n')
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
