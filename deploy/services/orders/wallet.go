package orders

import (
	"fmt"
	"net/http"

	"github.com/triptych-bff/triptych/deploy/services/rest"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// Wallet is what a member has to spend, in the minor unit of the currency.
type Wallet struct {
	UserID    string `json:"user_id"`
	Balance   int    `json:"balance"` // credit, less what was spent here
	Currency  string `json:"currency"`
	Credit    int    `json:"credit"`
	SpentHere int    `json:"spent_here"`
}

// credits are what wallets begin with, by the member's tier.
var credits = map[string]int{"basic": 1000, "plus": 2500, "premium": 5000}

func (s *Service) wallet(w http.ResponseWriter, r *http.Request) {
	m := s.world.Member(r.PathValue("user"))
	if m == nil {
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %q", r.PathValue("user")))
		return
	}
	s.mu.RLock()
	wallet := s.walletOf(m)
	s.mu.RUnlock()
	rest.Answer(w, rest.Private, wallet)
}

func (s *Service) walletOf(m *world.Member) *Wallet {
	wallet := &Wallet{UserID: m.ID, Currency: m.Place.Currency, Credit: credits[m.Tier]}
	for _, o := range s.placed[m] {
		wallet.SpentHere += o.Price
	}
	wallet.Balance = wallet.Credit - wallet.SpentHere
	return wallet
}
