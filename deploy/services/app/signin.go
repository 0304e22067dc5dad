package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/rest"
)

const (
	maxForm  = 4 << 10
	maxToken = 64 << 10
	// ttl is what the provider is asked for, and so what the app is told.
	ttl = 5 * time.Minute
	// patience is how long the provider may take: less than the gateway in front
	// waits for us, so that the browser learns who it was that did not answer.
	patience = 1500 * time.Millisecond
)

// errRefused is the provider's refusal of the form, in its own words.
type errRefused string

func (e errRefused) Error() string { return string(e) }

// signIn answers with an access token for the member that the form names.
func signIn(provider string) http.Handler {
	client := &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	address := strings.TrimSuffix(provider, "/") + "/dev/token"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		var tooLong *http.MaxBytesError
		if err := r.ParseForm(); errors.As(err, &tooLong) {
			rest.Refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the form has more than %d bytes", maxForm))
			return
		}
		as := r.PostForm.Get("as")
		if as == "" {
			rest.Refuse(w, http.StatusBadRequest, "the form must say who signs in: as=ada")
			return
		}
		token, err := mint(r.Context(), client, address, as)
		var refused errRefused
		switch {
		case errors.As(err, &refused):
			rest.Refuse(w, http.StatusBadRequest, refused.Error())
		case err != nil:
			rest.Refuse(w, http.StatusBadGateway, err.Error())
		default:
			rest.Answer(w, rest.NoStore, map[string]any{"access_token": token, "expires_in": int(ttl.Seconds())})
		}
	})
}

// mint asks the provider for an access token of the browser app.
func mint(ctx context.Context, client *http.Client, address, as string) (string, error) {
	form := url.Values{"client": {"web"}, "as": {as}, "ttl": {ttl.String()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("the provider's address: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return "", errors.New("the provider cannot be reached")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken+1))
	answer := strings.TrimSpace(string(body))
	switch {
	case err != nil:
		return "", errors.New("the provider's answer broke off")
	case resp.StatusCode == http.StatusBadRequest:
		return "", errRefused(answer)
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the provider answered %s", resp.Status)
	case len(body) > maxToken || strings.Count(answer, ".") != 2:
		return "", errors.New("the provider's answer is not a token")
	}
	return answer, nil
}
