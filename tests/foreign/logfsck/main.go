// Command logfsck checks a published log with Tessera's fsck package.
//
//	logfsck DIR VKEYFILE
//
// It exits 0 for a sound log, 1 for a damaged one, 2 if it was called wrongly.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

const timeout = 60 * time.Second

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: logfsck DIR VKEYFILE")
		os.Exit(2)
	}
	vkey, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := check(os.Args[1], strings.TrimSpace(string(vkey))); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Println("sound")
}

func check(dir, vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	// Fsck waits for ever if more tiles are bad than it has workers, so the wait ends here too.
	result := make(chan error, 1)
	go func() {
		source := client.FileFetcher{Root: dir}
		result <- fsck.New(verifier.Name(), verifier, source, leafHashes, fsck.Opts{N: 1024}).Check(ctx)
	}()
	select {
	case err := <-result:
		return err
	case <-time.After(timeout):
		return fmt.Errorf("no end after %s", timeout)
	}
}

func leafHashes(data []byte) ([][]byte, error) {
	bundle := api.EntryBundle{}
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(bundle.Entries))
	for _, entry := range bundle.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}
