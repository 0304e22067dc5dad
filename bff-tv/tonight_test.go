package main

import (
	"encoding/json"
	"testing"
)

func TestTonight(t *testing.T) {
	const films = `{"films":[
		{"id":"a","title":"A","year":1,"ratings":{"imdb":{"score":7}},"posters":[{},{},{},{"url":"/a"}]},
		{"id":"b","title":"B","year":2,"ratings":{"imdb":{"score":8}},"posters":[{},{},{},{"url":"/b"}]},
		{"id":"c","title":"C","year":3,"ratings":{"imdb":{"score":8}},"posters":[{},{},{},{"url":"/c"}]},
		{"id":"small","title":"S","year":4,"ratings":{"imdb":{"score":9}},"posters":[{"url":"/s"}]}]}`
	for text, want := range map[string]string{
		`{"picks":{"items":[{"film_id":"a","reason":"r"},{"film_id":"c"},{"film_id":"b"}]},"films":` + films + `}`:        `{"items":[{"film_id":"c","title":"C","year":3,"reason":"","image":"/c"}]}`,
		`{"picks":{"items":[{"film_id":"a","reason":"r"},{"film_id":"small"},{"film_id":"gone"}]},"films":` + films + `}`: `{"items":[{"film_id":"a","title":"A","year":1,"reason":"r","image":"/a"}]}`,
		`{"picks":{"items":[]},"films":null}`: `{"items":[]}`,
		`{"picks":null,"films":null}`:         `{"items":[]}`,
	} {
		var from picked
		if err := json.Unmarshal([]byte(text), &from); err != nil {
			t.Fatal(err)
		}
		row, err := best(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(row); string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
