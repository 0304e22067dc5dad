package oci

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bill lists what an image is made of, as a CycloneDX document: the program and what
// is linked into it by its own word, and the certificates beside it.
func (s *Source) bill(version string, program, certificates []byte) ([]byte, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("%s says nothing about how it was built: %w", s.Name, err)
	}
	components := []cdx.Component{standardLibrary(info.GoVersion)}
	pinned := false
	for _, dep := range info.Deps {
		component, err := linked(dep)
		if err != nil {
			return nil, err
		}
		components = append(components, component)
		pinned = pinned || dep.Path == s.Shared.Path && dep.Version == s.Shared.Version
	}
	if !pinned {
		return nil, fmt.Errorf("%s pins %s, and what was built has it not", s.Name, s.Shared)
	}
	components = append(components, cdx.Component{
		BOMRef: rootsFile, Type: cdx.ComponentTypeFile, Name: "/" + rootsFile,
		Description: "Mozilla's root certificates, from golang.org/x/crypto/x509roots/fallback",
		Hashes:      hashes(sum(certificates)),
	})
	bom := cdx.NewBOM()
	bom.SerialNumber = serial(program, certificates)
	bom.Metadata = &cdx.Metadata{
		Timestamp: s.Time.Format(time.RFC3339),
		Component: &cdx.Component{
			BOMRef: packageURL(info.Main.Path, version), Type: cdx.ComponentTypeApplication,
			Name: info.Main.Path, Version: version, PackageURL: packageURL(info.Main.Path, version),
			Hashes:   hashes(sum(program)),
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: license}}},
		},
	}
	bom.Components = &components
	var text bytes.Buffer
	err = cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(bom)
	return text.Bytes(), err
}

// linked is one module. Its hash is go.sum's: that of the list of its files' hashes.
func linked(dep *debug.Module) (cdx.Component, error) {
	if dep.Replace != nil {
		return cdx.Component{}, fmt.Errorf("%s is replaced by %s", dep.Path, dep.Replace.Path)
	}
	digest, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(dep.Sum, "h1:"))
	if err != nil || len(digest) != sha256.Size {
		return cdx.Component{}, fmt.Errorf("%s has the hash %q; it should begin with h1", dep.Path, dep.Sum)
	}
	url := packageURL(dep.Path, dep.Version)
	return cdx.Component{
		BOMRef: url, Type: cdx.ComponentTypeLibrary,
		Name: dep.Path, Version: dep.Version, PackageURL: url, Hashes: hashes(digest),
	}, nil
}

// standardLibrary is named as scanners for known faults expect it.
func standardLibrary(goVersion string) cdx.Component {
	version := strings.TrimPrefix(goVersion, "go")
	url := packageURL("stdlib", version)
	return cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: "stdlib", Version: version, PackageURL: url}
}

// packageURL is the name of a Go module for everybody's tools.
func packageURL(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// serial names the document by what it describes (a UUID of version 8, RFC 9562).
func serial(content ...[]byte) string {
	h := sha256.New()
	for _, c := range content {
		h.Write(sum(c))
	}
	id := h.Sum(nil)[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func sum(data []byte) []byte {
	digest := sha256.Sum256(data)
	return digest[:]
}

func hashes(digest []byte) *[]cdx.Hash {
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest)}}
}
