//go:build !linux

package network

import "time"

// alarm wakes a goroutine as exactly as the Go runtime does it.
type alarm struct{}

func newAlarm() (alarm, error) { return alarm{}, nil }

func (alarm) sleepUntil(due time.Time) { time.Sleep(time.Until(due)) }

func (alarm) stop() {}
