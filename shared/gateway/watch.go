package gateway

import (
	"context"
	"crypto/sha256"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long files must be quiet before they are read: editors and
	// orchestrators write in several steps.
	settle = 200 * time.Millisecond
	// again is when to look again where nobody tells of changes.
	again = time.Second
)

// watch reloads on SIGHUP and whenever a file has changed, until ctx ends.
func (g *Gateway) watch(ctx context.Context) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	w := newWatcher(g.read)
	defer w.close()
	w.follow(g.files())
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.notify.Events:
			w.quiet.Reset(settle)
			continue
		case err := <-w.notify.Errors:
			g.tel.Log.Warn("changes of files may have been missed; looking", "err", err)
			w.quiet.Reset(settle)
			continue
		case <-hup:
			w.changed(g.files())
			_ = g.Reload() // logged and counted there
		case <-w.quiet.C:
			if w.changed(g.files()) {
				_ = g.Reload()
			}
		}
		w.follow(g.files()) // a new configuration may name others
	}
}

// files are the files that the running configuration was read from.
func (g *Gateway) files() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var files []string
	if g.source.File != "" {
		files = append(files, g.source.File)
	}
	for _, u := range g.running.Core().Upstreams {
		for _, name := range []string{u.Descriptors, u.CA} {
			if name != "" && !strings.HasPrefix(name, embeddedScheme) {
				files = append(files, g.running.path(name))
			}
		}
	}
	files = append(files, g.running.tls().Files()...)
	files = append(files, g.running.document.Files()...)
	slices.Sort(files)
	return slices.Compact(files)
}

// A watcher knows when files may have changed, and whether they have. It watches
// folders, not files, because a file that is replaced by a rename, or through a
// symbolic link as in Kubernetes, is another file. Where a folder cannot be
// watched, as when it is gone for a while, it looks from time to time.
type watcher struct {
	notify *fsnotify.Watcher
	quiet  *time.Timer // fires when it is time to look
	seen   digests
	blind  bool // a folder could not be watched
}

// newWatcher begins to look at once: files may have changed since they were read.
func newWatcher(read digests) *watcher {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		notify = &fsnotify.Watcher{} // never tells anything
	}
	return &watcher{notify: notify, quiet: time.NewTimer(settle), seen: read}
}

func (w *watcher) close() {
	w.quiet.Stop()
	if w.notify.Events != nil {
		_ = w.notify.Close()
	}
}

// follow watches the folders of the files. Adding one that is watched renews
// the watch, in case another folder is there now. A file that is new among them
// has been read just now.
func (w *watcher) follow(files []string) {
	was := w.blind
	w.blind = false
	for _, file := range files {
		if _, known := w.seen[file]; !known {
			w.seen[file] = digest(file)
		}
		if w.notify.Events == nil || w.notify.Add(filepath.Dir(file)) != nil {
			w.blind = true
		}
	}
	if w.blind || was { // the last look was before the watch
		w.quiet.Reset(again)
	}
}

// changed reports whether the content of a file is another than when it was last
// looked at.
func (w *watcher) changed(files []string) bool {
	changed := false
	for _, file := range files {
		now := digest(file)
		changed = changed || w.seen[file] != now
		w.seen[file] = now
	}
	return changed
}

// digests are of files' contents, by name.
type digests map[string][sha256.Size]byte

func digestAll(files []string) digests {
	all := make(digests, len(files))
	for _, file := range files {
		all[file] = digest(file)
	}
	return all
}

func digest(file string) [sha256.Size]byte {
	data, err := readBounded(file)
	if err != nil {
		data = []byte(err.Error())
	}
	return sha256.Sum256(data)
}
