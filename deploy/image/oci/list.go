package oci

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// A Platform is the image for one architecture.
type Platform struct {
	Name     string // such as linux/arm64
	Digest   v1.Hash
	Image    v1.Image // as long as Read goes on
	Packed   int64    // bytes of the layers as they travel
	Unpacked int64    // bytes of the files
	Entries  []Entry
}

// An Entry is one file or folder in an image.
type Entry struct {
	Path     string
	Mode     fs.FileMode
	UID, GID int
	Size     int64
	Digest   string // SHA-256 of a file, in hexadecimal
}

// read opens the file of an image, checks every digest in it and hands its index
// to use.
func read(file string, use func(v1.ImageIndex) error) error {
	archive, err := os.Open(file)
	if err != nil {
		return err
	}
	defer archive.Close()
	dir, err := os.MkdirTemp("", "image-read-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := unpack(dir, archive); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return fmt.Errorf("%s is no image: %w", file, err)
	}
	if err := validate.Index(index); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return use(index)
}

// Read describes an image by its file, and hands each of its architectures to use.
func Read(file string, use func(Platform) error) (digest v1.Hash, err error) {
	err = read(file, func(outer v1.ImageIndex) error {
		manifest, err := outer.IndexManifest()
		if err != nil {
			return err
		}
		if len(manifest.Manifests) != 1 {
			return fmt.Errorf("%s holds %d images, not one", file, len(manifest.Manifests))
		}
		digest = manifest.Manifests[0].Digest
		index, err := outer.ImageIndex(digest)
		if err != nil {
			return err
		}
		return platforms(index, use)
	})
	return digest, err
}

func platforms(index v1.ImageIndex, use func(Platform) error) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, descriptor := range manifest.Manifests {
		if descriptor.Platform == nil {
			return fmt.Errorf("%s does not say what platform it is for", descriptor.Digest)
		}
		image, err := index.Image(descriptor.Digest)
		if err != nil {
			return err
		}
		p := Platform{Name: descriptor.Platform.String(), Digest: descriptor.Digest, Image: image}
		if err := p.measure(); err != nil {
			return err
		}
		if err := use(p); err != nil {
			return err
		}
	}
	return nil
}

// measure looks into the layers.
func (p *Platform) measure() error {
	layers, err := p.Image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return err
		}
		p.Packed += size
		if err := p.enter(layer); err != nil {
			return err
		}
	}
	return nil
}

func (p *Platform) enter(layer v1.Layer) error {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	for reader := tar.NewReader(content); ; {
		head, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e := Entry{Path: "/" + head.Name, Mode: head.FileInfo().Mode(), UID: head.Uid, GID: head.Gid, Size: head.Size}
		if !e.Mode.IsDir() {
			h := sha256.New()
			if _, err := io.Copy(h, reader); err != nil {
				return err
			}
			e.Digest = hex.EncodeToString(h.Sum(nil))
		}
		p.Unpacked += e.Size
		p.Entries = append(p.Entries, e)
	}
}

// List prints what is in an image.
func List(out io.Writer, file string) error {
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	digest, err := Read(file, func(p Platform) error {
		fmt.Fprintf(table, "\n%s  %s  %.1f MB packed, %.1f MB unpacked\n", p.Name, p.Digest, mega(p.Packed), mega(p.Unpacked))
		for _, e := range p.Entries {
			fmt.Fprintf(table, "%s\t%d:%d\t%d\t%s\t%s\n", e.Mode, e.UID, e.GID, e.Size, e.Digest, e.Path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "image  %s\n%s", digest, &text)
	return err
}

func mega(n int64) float64 { return float64(n) / 1e6 }
