package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	license   = "Apache-2.0"
	rootsFile = "etc/ssl/certs/ca-certificates.crt" // where crypto/x509 looks first
	billFile  = "sbom.cdx.json"

	// nobody is the user: a number, so that an orchestrator can see that it is not root.
	nobody = "65532:65532"
)

// architectures that an image is made for, all with Linux.
var architectures = []string{"amd64", "arm64"}

// An Image is a gateway's image for all architectures.
type Image struct {
	Name, Version string

	index v1.ImageIndex
	time  time.Time
	bills map[string][]byte // by architecture
}

// Image builds the gateway under a version, and the image around it.
func (s *Source) Image(ctx context.Context, version string) (*Image, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`).MatchString(version) {
		return nil, fmt.Errorf("version %q: want one that can be an image's tag, such as v0.2.0 or devel", version)
	}
	certificates, err := roots()
	if err != nil {
		return nil, err
	}
	image := &Image{Name: s.Name, Version: version, time: s.Time, bills: map[string][]byte{}}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range architectures {
		program, err := s.build(ctx, arch, version)
		if err != nil {
			return nil, err
		}
		bill, err := s.bill(version, program, certificates)
		if err != nil {
			return nil, err
		}
		image.bills[arch] = bill
		one, err := s.assemble(arch, version, files(s.Name, program, certificates, bill))
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: one, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	image.index = mutate.Annotations(index, s.annotations(version)).(v1.ImageIndex)
	return image, nil
}

// A file is one entry of the image's only layer. A folder has no content.
type file struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// files are all that a gateway has around it, folders before what is in them.
func files(program string, binary, certificates, bill []byte) []file {
	const user = "nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
	const group = "nonroot:x:65532:\n"
	return []file{
		{program, 0o755, binary},
		{"etc/", fs.ModeDir | 0o755, nil},
		{"etc/group", 0o644, []byte(group)},
		{"etc/passwd", 0o644, []byte(user)},
		{"etc/ssl/", fs.ModeDir | 0o755, nil},
		{"etc/ssl/certs/", fs.ModeDir | 0o755, nil},
		{rootsFile, 0o644, certificates},
		{billFile, 0o644, bill},
	}
}

// pack is a tar archive of files, all of root's: the program cannot change itself.
func pack(files []file, at time.Time) ([]byte, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		head := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode.Perm()),
			Size: int64(len(f.content)), ModTime: at, Format: tar.FormatUSTAR,
		}
		if f.mode.IsDir() {
			head.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(head); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return archive.Bytes(), err
}

// compress does so once. A layer made from an archive that is not compressed would
// be compressed anew whenever somebody asks for its digest or its size.
func compress(archive []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(archive)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

// assemble is the image for one architecture.
func (s *Source) assemble(arch, version string, content []file) (v1.Image, error) {
	archive, err := pack(content, s.Time)
	if err != nil {
		return nil, err
	}
	if archive, err = compress(archive); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: s.Time}, CreatedBy: "make image BFF=" + s.Name, Comment: "from scratch"},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: s.Time}
	config.Config = container(s.Name)
	config.Config.Labels = s.annotations(version)
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, err
	}
	return mutate.Annotations(image, s.annotations(version)).(v1.Image), nil
}

// container is how a container of the gateway runs. Each has a network of its own, so
// all gateways have the same ports there. Operators' probes and scrapers come from
// outside of it, and the image has no shell for one inside: so the listener for
// operators can be reached too. Nothing on it asks who is there; a port that is not
// published is what keeps others away.
func container(name string) v1.Config {
	prefix := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	return v1.Config{
		Entrypoint: []string{"/" + name},
		Cmd:        []string{"run"},
		Env: []string{
			prefix + "_SERVER_LISTEN=:8080",
			prefix + "_ADMIN_LISTEN=:9090",
			prefix + "_ADMIN_ALLOW_REMOTE=true",
		},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "9090/tcp": {}},
		User:         nobody,
		WorkingDir:   "/",
		StopSignal:   "SIGTERM",
	}
}

// annotations are what registries and their tools show of an image.
func (s *Source) annotations(version string) map[string]string {
	const key = "org.opencontainers.image."
	return map[string]string{
		key + "title":       s.Name,
		key + "description": "The gateway " + s.Name + ", with shared " + s.Shared.Version,
		key + "version":     version,
		key + "revision":    s.Commit,
		key + "created":     s.Time.Format(time.RFC3339),
		key + "source":      "https://" + s.House,
		key + "licenses":    license,
	}
}

// Write puts the image into dir, as an OCI image layout in one tar file, and beside it
// the list of what is in each architecture's. It returns the file's name.
func (i *Image) Write(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp("", "image-layout-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	path, err := layout.Write(temp, empty.Index)
	if err != nil {
		return "", err
	}
	if err := path.AppendIndex(i.index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": i.Version,
		"io.containerd.image.name":          "docker.io/library/" + i.Name + ":" + i.Version, // what docker load calls it
	})); err != nil {
		return "", err
	}
	base := filepath.Join(dir, i.Name+"-"+i.Version)
	for arch, bill := range i.bills {
		if err := os.WriteFile(base+"."+arch+"."+billFile, bill, 0o644); err != nil {
			return "", err
		}
	}
	return base + ".tar", i.archive(base+".tar", temp)
}

// archive writes the layout's files in the order of their names.
func (i *Image) archive(name, layout string) error {
	var content []file
	err := fs.WalkDir(os.DirFS(layout), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir():
			content = append(content, file{name: name + "/", mode: fs.ModeDir | 0o755})
			return nil
		}
		data, err := os.ReadFile(filepath.Join(layout, filepath.FromSlash(name)))
		content = append(content, file{name: name, mode: 0o644, content: data})
		return err
	})
	if err != nil {
		return err
	}
	data, err := pack(content, i.time)
	return errors.Join(err, os.WriteFile(name, data, 0o644))
}
