// Command receiptcheck verifies a receipt (a C2SP tlog-proof) with Torchwood.
//
//	receiptcheck POLICYFILE ENTRYFILE RECEIPTFILE
//
// It exits 0 if the receipt proves that a log of the policy holds the entry, 1 if it does not, 2 if
// it was called wrongly.
package main

import (
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: receiptcheck POLICYFILE ENTRYFILE RECEIPTFILE")
		os.Exit(2)
	}
	var files [3][]byte
	for i, name := range os.Args[1:] {
		data, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		files[i] = data
	}
	if err := check(files[0], files[1], files[2]); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Println("proven")
}

func check(policyText, entry, receipt []byte) error {
	policy, err := torchwood.ParsePolicy(policyText)
	if err != nil {
		return err
	}
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), receipt); err != nil {
		return err
	}
	extra, err := torchwood.ProofExtraData(receipt)
	if err != nil {
		return err
	}
	if string(extra) != string(entry) {
		return fmt.Errorf("the receipt carries another entry")
	}
	return nil
}
