package idp

import (
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// A user is somebody who can sign in: a member whom the users service knows by the
// same id. The id is the subject of every token.
type user struct {
	ID, GivenName, FamilyName string
}

func users() []user {
	return []user{
		{ID: "ada", GivenName: "Ada", FamilyName: "Morgenstern"},
		{ID: "ben", GivenName: "Ben", FamilyName: "Okonkwo"},
		{ID: "cleo", GivenName: "Cleo", FamilyName: "Lindqvist"},
	}
}

func userByID(id string) (user, bool) {
	all := users()
	i := slices.IndexFunc(all, func(u user) bool { return u.ID == id })
	if i < 0 {
		return user{}, false
	}
	return all[i], true
}

// describe fills info with what the scopes allow to be told about the user.
func (u user) describe(info *oidc.UserInfo, scopes []string) {
	info.Subject = u.ID
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.Name = u.GivenName + " " + u.FamilyName
		info.GivenName = u.GivenName
		info.FamilyName = u.FamilyName
		info.PreferredUsername = u.ID
	}
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.Email = u.ID + "@example.com"
		info.EmailVerified = true
	}
}
