//go:build !linux

package network

import "time"

// alarm wakes a goroutine with the precision of the Go runtime.
type alarm struct{}

func newAlarm() (alarm, error) { return alarm{}, nil }

func (alarm) sleepUntil(due time.Time) { time.Sleep(time.Until(due)) }

func (alarm) stop() {}
