//go:build unix && !linux

package main

import "syscall"

// apart keeps the terminal's Ctrl-C from the children, which are stopped in order.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
