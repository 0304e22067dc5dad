package gateway

import (
	"context"
	"crypto/sha256"
	"hash"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files must be quiet before they are read: editors and
// orchestrators write in several steps.
const settle = 200 * time.Millisecond

// files are the files that the running configuration was read from.
func (g *Gateway) files() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var files []string
	if g.source.File != "" {
		files = append(files, g.source.File)
	}
	core := g.running.Core()
	for _, u := range core.Upstreams {
		if u.Descriptors != "" && !strings.HasPrefix(u.Descriptors, embeddedScheme) {
			files = append(files, g.running.path(u.Descriptors))
		}
	}
	files = append(files, g.running.tls().Files()...)
	slices.Sort(files)
	return slices.Compact(files)
}

// watchFiles sends whenever the content of one of the files has changed, until
// ctx ends. It watches folders, not files, because a file that is replaced by a
// rename, or through a symbolic link as in Kubernetes, is another file.
func watchFiles(ctx context.Context, files func() []string) (<-chan struct{}, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	for _, file := range files() {
		if err := w.Add(filepath.Dir(file)); err != nil {
			_ = w.Close()
			return nil, err
		}
	}
	changes := make(chan struct{}, 1)
	go func() {
		defer func() { _ = w.Close() }()
		follow(ctx, w, files, changes)
	}()
	return changes, nil
}

func follow(ctx context.Context, w *fsnotify.Watcher, files func() []string, changes chan<- struct{}) {
	last := fingerprint(files())
	quiet := time.NewTimer(settle)
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.Events:
			quiet.Reset(settle)
		case err := <-w.Errors:
			if err != nil { // events may have been lost: look
				quiet.Reset(settle)
			}
		case <-quiet.C:
			now := files()
			for _, file := range now {
				_ = w.Add(filepath.Dir(file)) // a folder that is new to us; known ones are no error
			}
			if f := fingerprint(now); f != last {
				last = f
				select {
				case changes <- struct{}{}:
				default: // a reload is due already
				}
			}
		}
	}
}

// fingerprint is a digest of the files' contents.
func fingerprint(files []string) [sha256.Size]byte {
	h := sha256.New()
	for _, file := range files {
		digest(h, file)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func digest(h hash.Hash, file string) {
	data, err := readBounded(file)
	if err != nil {
		data = []byte(err.Error())
	}
	sum := sha256.Sum256(data)
	h.Write([]byte(file))
	h.Write(sum[:])
}
