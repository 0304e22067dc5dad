package oci

import (
	"bytes"
	"context"
	"crypto/x509"
	"debug/buildinfo"
	"debug/elf"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/triptych-bff/triptych/deploy/internal/subprocess"
)

const (
	gateway = "bff-tv"
	release = "v9.8.7"
)

// A product is one built image, unpacked.
type product struct {
	source *Source
	file   string
	digest v1.Hash
	rootfs map[string]string // folders, by platform
	entry  map[string]Platform
	about  map[string]*v1.Manifest
	config map[string]*v1.ConfigFile
}

// temporary holds what the tests share.
var temporary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "image-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	temporary = dir
	status := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// made builds the image that the tests look at.
var made = sync.OnceValues(func() (*product, error) { return manufacture(context.Background(), ".", "first") })

// errUnable is why nothing can be built here.
var errUnable = errors.New("no image can be built here")

// manufacture builds the gateway of a checkout's HEAD in a clone in which nothing else
// is left: no shared/, no other gateway, no work that somebody has not committed.
func manufacture(ctx context.Context, checkout, name string) (*product, error) {
	root, err := subprocess.Output(ctx, checkout, nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("%w: there is no history: %w", errUnable, err)
	}
	clone := filepath.Join(temporary, name)
	if _, err := subprocess.Output(ctx, ".", nil, "git", "clone", "-q", strings.TrimSpace(root), clone); err != nil {
		return nil, err
	}
	for _, folder := range []string{"shared", "bff-mobile", "bff-web", "deploy", "go.work"} {
		if err := os.RemoveAll(filepath.Join(clone, folder)); err != nil {
			return nil, err
		}
	}
	source, err := Open(ctx, clone, gateway)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	image, err := source.Image(ctx, release)
	if err != nil {
		if regexp.MustCompile(`dial tcp|no such host|module lookup disabled`).MatchString(err.Error()) {
			return nil, fmt.Errorf("%w: there is no network: %w", errUnable, err)
		}
		return nil, err
	}
	p := &product{
		source: source, rootfs: map[string]string{}, entry: map[string]Platform{},
		about: map[string]*v1.Manifest{}, config: map[string]*v1.ConfigFile{},
	}
	if p.file, err = image.Write(filepath.Join(clone, "bin", "images")); err != nil {
		return nil, err
	}
	p.digest, err = Read(p.file, func(one Platform) error {
		p.entry[one.Name] = one
		p.rootfs[one.Name] = filepath.Join(clone, "rootfs", one.Name)
		var noManifest, noConfig error
		p.about[one.Name], noManifest = one.Image.Manifest()
		p.config[one.Name], noConfig = one.Image.ConfigFile()
		return errors.Join(noManifest, noConfig, lay(one, p.rootfs[one.Name]))
	})
	return p, err
}

// lay unpacks an image as an engine does.
func lay(p Platform, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	layers, err := p.Image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			return err
		}
		if err := errors.Join(unpack(dir, content), content.Close()); err != nil {
			return err
		}
	}
	return nil
}

func image(t *testing.T) *product {
	t.Helper()
	p, err := made()
	if errors.Is(err, errUnable) {
		skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// skip leaves a test out, aloud.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatal("REQUIRE_ALL=1: ", why)
	}
	t.Skip(why)
}

// here is the unpacked image for this machine's architecture.
func (p *product) here(t *testing.T) string {
	t.Helper()
	rootfs := p.rootfs["linux/"+runtime.GOARCH]
	if rootfs == "" {
		skip(t, "the image is not for "+runtime.GOARCH)
	}
	return rootfs
}

// program is a gateway's binary, as the image has it.
func (p *product) program(t *testing.T, platform string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.rootfs[platform], gateway))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestContent: what is listed here is in the image, and nothing else.
func TestContent(t *testing.T) {
	p := image(t)
	const limit = 30_000_000
	const folder = fs.ModeDir | 0o755
	want := []string{
		fmt.Sprint("/bff-tv ", fs.FileMode(0o755)),
		fmt.Sprint("/etc/ ", folder),
		fmt.Sprint("/etc/group ", fs.FileMode(0o644)),
		fmt.Sprint("/etc/passwd ", fs.FileMode(0o644)),
		fmt.Sprint("/etc/ssl/ ", folder),
		fmt.Sprint("/etc/ssl/certs/ ", folder),
		fmt.Sprint("/etc/ssl/certs/ca-certificates.crt ", fs.FileMode(0o644)),
		fmt.Sprint("/sbom.cdx.json ", fs.FileMode(0o644)),
	}
	if len(p.entry) != 2 {
		t.Fatalf("it is for %d platforms, not for linux/amd64 and linux/arm64", len(p.entry))
	}
	for platform, one := range p.entry {
		t.Logf("%s: %d bytes packed, %d unpacked", platform, one.Packed, one.Unpacked)
		if one.Unpacked > limit || one.Packed > limit || one.Packed == 0 {
			t.Errorf("%s: %d bytes packed, %d unpacked; want at most %d", platform, one.Packed, one.Unpacked, limit)
		}
		var got []string
		for _, e := range one.Entries {
			got = append(got, fmt.Sprint(e.Path, " ", e.Mode))
			if e.UID != 0 || e.GID != 0 {
				t.Errorf("%s: %s is of %d:%d; the program could change it", platform, e.Path, e.UID, e.GID)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", platform, diff)
		}
	}
	var listing bytes.Buffer
	if err := List(&listing, p.file); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{p.digest.String(), "linux/arm64", "/etc/passwd", "-rwxr-xr-x  0:0", p.entry["linux/amd64"].Entries[0].Digest} {
		if !strings.Contains(listing.String(), text) {
			t.Errorf("the listing does not say %q:\n%s", text, &listing)
		}
	}
}

// TestConfiguration: who runs it, and what is said about it.
func TestConfiguration(t *testing.T) {
	p := image(t)
	stamp := p.source.Time.Format("2006-01-02T15:04:05Z")
	about := map[string]string{
		"org.opencontainers.image.title":       "bff-tv",
		"org.opencontainers.image.description": "The gateway bff-tv, with shared " + p.source.Shared.Version,
		"org.opencontainers.image.version":     release,
		"org.opencontainers.image.revision":    p.source.Commit,
		"org.opencontainers.image.created":     stamp,
		"org.opencontainers.image.source":      "https://github.com/triptych-bff/triptych",
		"org.opencontainers.image.licenses":    "Apache-2.0",
	}
	for platform, config := range p.config {
		if diff := cmp.Diff(about, p.about[platform].Annotations); diff != "" {
			t.Errorf("%s: annotations (-want +got):\n%s", platform, diff)
		}
		want := v1.Config{
			User: "65532:65532", Entrypoint: []string{"/bff-tv"}, Cmd: []string{"run"}, WorkingDir: "/", StopSignal: "SIGTERM",
			Env:          []string{"BFF_TV_SERVER_LISTEN=:8080", "BFF_TV_ADMIN_LISTEN=:9090", "BFF_TV_ADMIN_ALLOW_REMOTE=true"},
			ExposedPorts: map[string]struct{}{"8080/tcp": {}, "9090/tcp": {}}, Labels: about,
		}
		if diff := cmp.Diff(want, config.Config); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", platform, diff)
		}
		if got := config.OS + "/" + config.Architecture; got != platform {
			t.Errorf("the configuration of %s is for %s", platform, got)
		}
		if !config.Created.Equal(p.source.Time) || !config.History[0].Created.Equal(p.source.Time) {
			t.Errorf("%s: created %v, and the commit is of %v", platform, config.Created, p.source.Time)
		}
	}
}

// TestProgramIsStatic: no loader and no library, on either architecture.
func TestProgramIsStatic(t *testing.T) {
	p := image(t)
	for platform, machine := range map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64} {
		program, err := elf.NewFile(bytes.NewReader(p.program(t, platform)))
		if err != nil {
			t.Fatalf("%s: %v", platform, err)
		}
		if program.Machine != machine {
			t.Errorf("%s: it is for %v", platform, program.Machine)
		}
		for _, part := range program.Progs {
			if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
				t.Errorf("%s: it has a part %v", platform, part.Type)
			}
		}
		for _, section := range []string{".interp", ".dynamic", ".symtab", ".debug_info"} {
			if program.Section(section) != nil {
				t.Errorf("%s: it has a section %s", platform, section)
			}
		}
	}
}

// TestBill: everything that the program says it is made of is in the list, and the
// list beside the image is the one in it.
func TestBill(t *testing.T) {
	p := image(t)
	for platform, rootfs := range p.rootfs {
		text, err := os.ReadFile(filepath.Join(rootfs, billFile))
		if err != nil {
			t.Fatal(err)
		}
		beside, err := os.ReadFile(strings.TrimSuffix(p.file, "tar") + strings.TrimPrefix(platform, "linux/") + "." + billFile)
		if err != nil || !bytes.Equal(text, beside) {
			t.Errorf("%s: the list beside the image is another one: %v", platform, err)
		}
		var bom cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range *bom.Components {
			got = append(got, c.Name+" "+c.Version)
		}
		info, err := buildinfo.Read(bytes.NewReader(p.program(t, platform)))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"stdlib " + strings.TrimPrefix(info.GoVersion, "go")}
		for _, dep := range info.Deps {
			want = append(want, dep.Path+" "+dep.Version)
		}
		want = append(want, "/etc/ssl/certs/ca-certificates.crt ")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", platform, diff)
		}
		if pin := p.source.Shared.Path + " " + p.source.Shared.Version; !slices.Contains(got, pin) {
			t.Errorf("%s: no %s", platform, pin)
		}
		if program := p.entry[platform].Entries[0].Digest; (*bom.Metadata.Component.Hashes)[0].Value != program {
			t.Errorf("%s: the list is about another program than %s", platform, program)
		}
		if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(bom.SerialNumber) {
			t.Errorf("%s: serial number %s", platform, bom.SerialNumber)
		}
	}
}

// TestTwoBuildsAreIdentical: another clone, another temporary folder, the same bytes.
func TestTwoBuildsAreIdentical(t *testing.T) {
	first := image(t)
	second, err := manufacture(t.Context(), filepath.Dir(first.file), "another place")
	if err != nil {
		t.Fatal(err)
	}
	if first.digest != second.digest {
		t.Errorf("image %s, and again %s", first.digest, second.digest)
	}
	for platform, one := range first.entry {
		if diff := cmp.Diff(one.Entries, second.entry[platform].Entries); diff != "" {
			t.Errorf("%s (-first +second):\n%s", platform, diff)
		}
	}
	one, err := os.ReadFile(first.file)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(second.file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, other) {
		t.Error("the files differ")
	}
}

// TestRoots: all authorities that are trusted without conditions, and no other.
func TestRoots(t *testing.T) {
	text, err := roots()
	if err != nil {
		t.Fatal(err)
	}
	pool := map[string]bool{}
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !certificate.IsCA {
			t.Errorf("%s is no authority", certificate.Subject)
		}
		pool[string(block.Bytes)] = true
	}
	free := 0
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			free++
		}
		if pool[string(root.Certificate)] != (root.Constraint == nil) {
			t.Errorf("a root with conditions is there, or one without is not")
		}
	}
	if len(pool) != free || free < 100 {
		t.Errorf("%d certificates; Mozilla trusts %d without conditions", len(pool), free)
	}
}
