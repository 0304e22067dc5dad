module github.com/triptych-bff/triptych/bff-tv

go 1.26.0
