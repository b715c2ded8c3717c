// Command envelopecheck verifies DSSE envelopes with go-securesystemslib.
//
//	envelopecheck PUBLICKEYHEX... < envelopes
//
// It reads one envelope a line and prints, for each, the hex key that signed it or "refused" and why.
package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

type key struct{ public ed25519.PublicKey }

func (k key) Verify(_ context.Context, data, signature []byte) error {
	if !ed25519.Verify(k.public, data, signature) {
		return errors.New("the signature is not valid")
	}
	return nil
}

func (k key) KeyID() (string, error) {
	sum := sha256.Sum256(k.public)
	return hex.EncodeToString(sum[:]), nil
}

func (k key) Public() crypto.PublicKey { return k.public }

func main() {
	var keys []dsse.Verifier
	for _, text := range os.Args[1:] {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			fmt.Fprintln(os.Stderr, "usage: envelopecheck PUBLICKEYHEX... < envelopes")
			os.Exit(2)
		}
		keys = append(keys, key{raw})
	}
	verifier, err := dsse.NewEnvelopeVerifier(keys...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if signer, err := check(verifier, lines.Bytes()); err != nil {
			fmt.Println("refused:", err)
		} else {
			fmt.Println(signer)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func check(verifier *dsse.EnvelopeVerifier, line []byte) (string, error) {
	var envelope dsse.Envelope
	if err := json.Unmarshal(line, &envelope); err != nil {
		return "", err
	}
	accepted, err := verifier.Verify(context.Background(), &envelope)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(accepted[0].Public.(ed25519.PublicKey)), nil
}
