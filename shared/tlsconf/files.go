package tlsconf

import "path/filepath"

// Enabled reports whether there are certificates, and so TLS.
func (c Config) Enabled() bool { return len(c.Certificates) > 0 }

// In is the configuration with relative files looked for in dir.
func (c Config) In(dir string) Config {
	absolute := Config{Certificates: make([]Certificate, len(c.Certificates))}
	for i, pair := range c.Certificates {
		absolute.Certificates[i] = Certificate{Cert: in(dir, pair.Cert), Key: in(dir, pair.Key)}
	}
	return absolute
}

func in(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, file)
}

// Files are all files that the configuration names.
func (c Config) Files() []string {
	var files []string
	for _, pair := range c.Certificates {
		files = append(files, pair.Cert, pair.Key)
	}
	return files
}
