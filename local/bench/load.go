package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"billingportal/local/bench/internal/cloud"
	"billingportal/local/internal/runtimeapi"
)

// load measures one process of the functions under an increasing number of concurrent requests.
func load(ctx context.Context, o options, out io.Writer) error {
	path, err := runtimeapi.Compile(ctx, "billingportal/local/bench/container", runtimeapi.Tags)
	if err != nil {
		return err
	}
	b, err := newTestbed(o.distances)
	if err != nil {
		return err
	}
	defer b.close()
	before := b.cloud.Traffic()
	server, url, err := b.serve(ctx, path, o)
	if err != nil {
		return err
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	token, err := b.cloud.Token()
	if err != nil {
		return err
	}
	describeSetting(out, o)
	portal := func(ctx context.Context, _ int) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/billing/portal", nil)
		if err == nil {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return r, err
	}
	before = b.drive(ctx, "not a session", portal, http.StatusSeeOther, server.Process.Pid, before, o, out)
	fmt.Fprintln(out)
	webhook := func(ctx context.Context, number int) (*http.Request, error) {
		return signedEvent(ctx, url+"/stripe/webhook", number)
	}
	b.drive(ctx, "events lost", webhook, http.StatusOK, server.Process.Pid, before, o, out)
	return nil
}

// newRequest creates the request with this number.
type newRequest func(ctx context.Context, number int) (*http.Request, error)

// drive prints the results of one process under an increasing number of concurrent requests. It
// returns the total traffic at its end.
func (b *testbed) drive(ctx context.Context, failures string, request newRequest, wanted, pid int,
	before map[string]cloud.Traffic, o options, out io.Writer) map[string]cloud.Traffic {
	fmt.Fprintf(out,
		"| concurrent requests | requests a second | median, ms | p99, ms | %s | peak memory, MB | %s |\n", failures,
		strings.Join(cloud.Upstreams(), " | "))
	fmt.Fprintf(out, "|---|---|---|---|---|---|%s\n", strings.Repeat("---|", len(cloud.Upstreams())))
	for _, atOnce := range []int{1, 10, 100, 1000} {
		start := time.Now()
		// more requests at once take longer each
		times, failed := drive(ctx, request, wanted, atOnce, o.requests*atOnce/(1+atOnce/100))
		elapsed := time.Since(start)
		fmt.Fprintf(out, "| %d | %.0f | %.1f | %.1f | %d | %.1f |", atOnce,
			float64(len(times)+failed)/elapsed.Seconds(),
			milliseconds(median(times)), milliseconds(quantile(times, 0.99)), failed, peakMB(pid))
		after := b.cloud.Traffic()
		for _, name := range cloud.Upstreams() {
			more := after[name].Minus(before[name])
			fmt.Fprintf(out, " %d / %d |", more.Connections, more.Calls)
		}
		fmt.Fprintln(out)
		before = after
	}
	return before
}

// serve starts the server and returns its URL.
func (b *testbed) serve(ctx context.Context, path string, o options) (*exec.Cmd, string, error) {
	server := exec.CommandContext(ctx, path)
	server.Env = append(append(b.withWebhook(b.env), "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test"), o.settings...)
	stdout, err := server.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := server.Start(); err != nil {
		return nil, "", err
	}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, "", fmt.Errorf("the server did not print its URL: %w", err)
	}
	return server, strings.TrimSpace(url), nil
}

// drive sends n requests, atOnce of them at a time. It returns the duration of each request with
// the wanted status, and the number of other requests.
func drive(ctx context.Context, request newRequest, wanted, atOnce, n int) (times []time.Duration, failed int) {
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: atOnce},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	work := make(chan int, n)
	for number := range n {
		work <- number
	}
	close(work)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for number := range work {
				start := time.Now()
				ok := post(ctx, client, request, wanted, number)
				took := time.Since(start)
				mu.Lock()
				if ok {
					times = append(times, took)
				} else {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return times, failed
}

func post(ctx context.Context, client *http.Client, request newRequest, wanted, number int) bool {
	r, err := request(ctx, number)
	if err != nil {
		return false
	}
	response, err := client.Do(r)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == wanted
}

// peakMB returns the peak resident memory of a process in MB (Linux only, otherwise 0).
func peakMB(pid int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	kB, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	peak, _ := strconv.ParseFloat(kB, 64)
	return peak * 1024 / 1e6
}
