// Load sends a fixed list of requests to one URL for a while, and says how it went as JSON.
//
// It is the same client for every server that is compared, so that what a client costs on the
// same machine is the same for all of them. The list is a file with one JSON body a line; each
// client takes the next line, from the top again after the last. Every request carries the same
// headers whatever the server makes of them: an Idempotency-Key of its own, and the key in
// LOAD_KEY. With -stop-url it sends one request more in the middle, with LOAD_STOP_KEY, and says
// when the answers changed.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	answerMaxBytes = 1 << 20
	lineMaxBytes   = 1 << 20
	requestTimeout = 30 * time.Second
	samplesMax     = 2_000_000
	stopPatience   = 20 * time.Second
)

type options struct {
	url, prefix, stopURL, stopBody string
	markers                        [][]byte
	clients                        int
	warm, measured, stopAt         time.Duration
	count                          int64
}

// sample is one answered request; times are since the start.
type sample struct {
	sent, answered time.Duration
	status         int
	marked         bool
}

// stopped says what a request in the middle changed; times since it was sent.
type stopped struct {
	SentWallUs      int64 `json:"sent_wall_us"`
	Status          int   `json:"status"`
	AnsweredUs      int64 `json:"answered_us"`
	FirstMarkedUs   int64 `json:"first_marked_us"`
	FirstLaterUs    int64 `json:"first_marked_later_us"` // of what was sent after the stop
	LastUnmarkedUs  int64 `json:"last_unmarked_us"`
	MarkedAfter     int   `json:"marked_after"`
	InFlightAtStop  int   `json:"in_flight_at_stop"`
	UnmarkedSentLat int   `json:"unmarked_sent_after_answer"`
	sent            time.Duration
}

type latencies struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	Max  int64 `json:"max"`
	Mean int64 `json:"mean"`
}

type result struct {
	Requests  int            `json:"requests"`
	Total     int64          `json:"total"`
	Seconds   float64        `json:"seconds"`
	Rate      float64        `json:"rate"`
	Statuses  map[string]int `json:"statuses"`
	Errors    map[string]int `json:"errors"`
	LatencyUs latencies      `json:"latency_us"`
	Stop      *stopped       `json:"stop,omitempty"`
}

type load struct {
	options
	http   *http.Client
	bodies [][]byte
	key    string
	start  time.Time
	next   atomic.Int64
	seen   atomic.Bool  // an answer with a marker, to something sent after the stop
	stopAs atomic.Int64 // when the stop was sent, since the start; 0: not yet

	mutex   sync.Mutex
	samples []sample
	errors  map[string]int
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	work := flag.String("work", "", "file with one JSON body a line")
	flag.StringVar(&o.url, "url", "", "where to POST")
	flag.StringVar(&o.prefix, "prefix", "load", "what the Idempotency-Keys begin with")
	flag.IntVar(&o.clients, "clients", 64, "requests under way at once")
	flag.DurationVar(&o.warm, "warm", time.Second, "how long to run before measuring")
	flag.DurationVar(&o.measured, "measured", 3*time.Second, "how long to measure")
	flag.Int64Var(&o.count, "count", 0, "stop after so many requests in all (0: by time alone)")
	flag.StringVar(&o.stopURL, "stop-url", "", "where to POST once in the middle")
	flag.StringVar(&o.stopBody, "stop-body", "{}", "what to POST there")
	flag.DurationVar(&o.stopAt, "stop-at", 0, "when, after the start")
	flag.Func("marker", "text in an answer that the stop brought about; or another", func(text string) error {
		o.markers = append(o.markers, []byte(text))
		return nil
	})
	flag.Parse()
	bodies, err := readWork(*work)
	if err != nil {
		return err
	}
	l := &load{
		options: o,
		bodies:  bodies,
		key:     os.Getenv("LOAD_KEY"),
		errors:  map[string]int{},
		http: &http.Client{
			Timeout: requestTimeout,
			Transport: &http.Transport{
				MaxIdleConns:        o.clients + 1,
				MaxIdleConnsPerHost: o.clients + 1,
				DisableCompression:  true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	return json.NewEncoder(os.Stdout).Encode(l.run())
}

func readWork(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var bodies [][]byte
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64*1024), lineMaxBytes)
	for lines.Scan() {
		bodies = append(bodies, bytes.Clone(lines.Bytes()))
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(bodies) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return bodies, nil
}

func (l *load) run() result {
	ctx, cancel := context.WithTimeout(context.Background(), l.warm+l.measured)
	defer cancel()
	patience, end := context.WithTimeout(context.Background(), l.warm+l.measured+stopPatience)
	defer end()
	l.start = time.Now()
	var clients sync.WaitGroup
	for range l.clients {
		clients.Go(func() { l.client(ctx, patience) })
	}
	var stop *stopped
	if l.stopURL != "" {
		clients.Go(func() { stop = l.stop() })
	}
	clients.Wait()
	return l.summary(stop)
}

// client sends one request after the other until the time or the list's count is up. With a stop
// in the middle it goes on, within patience, until the stop has shown.
func (l *load) client(ctx, patience context.Context) {
	own := make([]sample, 0, 4096)
	failed := map[string]int{}
	waits := func() bool { return l.stopURL != "" && !l.seen.Load() && patience.Err() == nil }
	for ctx.Err() == nil || waits() {
		n := l.next.Add(1) - 1
		if (l.count > 0 && n >= l.count) || n >= samplesMax {
			break
		}
		one, err := l.post(n)
		if err != nil {
			failed[err.Error()]++
			if len(failed) > 16 {
				break
			}
			continue
		}
		own = append(own, one)
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.samples = append(l.samples, own...)
	for text, n := range failed {
		l.errors[text] += n
	}
}

func (l *load) post(n int64) (sample, error) {
	body := l.bodies[n%int64(len(l.bodies))]
	request, err := http.NewRequest(http.MethodPost, l.url, bytes.NewReader(body))
	if err != nil {
		return sample{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+l.key)
	request.Header.Set("Idempotency-Key", l.prefix+"-"+strconv.FormatInt(n, 10))
	sent := time.Since(l.start)
	status, answer, err := l.do(request)
	if err != nil {
		return sample{}, err
	}
	marked := slices.ContainsFunc(l.markers, func(text []byte) bool { return bytes.Contains(answer, text) })
	if at := l.stopAs.Load(); marked && at > 0 && int64(sent) > at {
		l.seen.Store(true)
	}
	return sample{sent, time.Since(l.start), status, marked}, nil
}

// do reads the whole answer, so that its connection is used again.
func (l *load) do(request *http.Request) (int, []byte, error) {
	response, err := l.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerMaxBytes))
	return response.StatusCode, answer, err
}

func (l *load) stop() *stopped {
	time.Sleep(l.stopAt)
	request, err := http.NewRequest(http.MethodPost, l.stopURL, bytes.NewReader([]byte(l.stopBody)))
	if err != nil {
		return &stopped{Status: -1}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+os.Getenv("LOAD_STOP_KEY"))
	s := &stopped{SentWallUs: time.Now().UnixMicro(), sent: time.Since(l.start)}
	l.stopAs.Store(int64(s.sent))
	s.Status, _, err = l.do(request)
	if err != nil {
		s.Status = -1
	}
	s.AnsweredUs = (time.Since(l.start) - s.sent).Microseconds()
	return s
}

func (l *load) summary(stop *stopped) result {
	r := result{
		Total:    int64(len(l.samples)),
		Statuses: map[string]int{},
		Errors:   l.errors,
		Stop:     stop,
	}
	end := l.warm + l.measured
	var within []int64
	var last time.Duration
	for _, s := range l.samples {
		if s.answered < l.warm || s.answered > end {
			continue
		}
		r.Requests++
		r.Statuses[strconv.Itoa(s.status)]++
		within = append(within, (s.answered - s.sent).Microseconds())
		last = max(last, s.answered)
	}
	if l.count > 0 { // ended by the count: the time that it took, not the time that there was
		end = min(end, last)
	}
	r.Seconds = (end - l.warm).Seconds()
	if r.Seconds > 0 {
		r.Rate = float64(r.Requests) / r.Seconds
	}
	r.LatencyUs = percentiles(within)
	if stop != nil {
		l.judge(stop)
	}
	return r
}

// judge finds the first answer that the stop brought about, and the last one that it did not.
func (l *load) judge(stop *stopped) {
	stop.FirstMarkedUs, stop.FirstLaterUs, stop.LastUnmarkedUs = -1, -1, -1
	for _, s := range l.samples {
		if s.sent < stop.sent && s.answered >= stop.sent {
			stop.InFlightAtStop++
		}
		since := (s.answered - stop.sent).Microseconds()
		switch {
		case since < 0:
		case s.marked:
			stop.MarkedAfter++
			if stop.FirstMarkedUs < 0 || since < stop.FirstMarkedUs {
				stop.FirstMarkedUs = since
			}
			if s.sent > stop.sent && (stop.FirstLaterUs < 0 || since < stop.FirstLaterUs) {
				stop.FirstLaterUs = since
			}
		default:
			stop.LastUnmarkedUs = max(stop.LastUnmarkedUs, since)
			if (s.sent - stop.sent).Microseconds() > stop.AnsweredUs {
				stop.UnmarkedSentLat++
			}
		}
	}
}

func percentiles(values []int64) latencies {
	if len(values) == 0 {
		return latencies{}
	}
	slices.Sort(values)
	var sum int64
	for _, v := range values {
		sum += v
	}
	at := func(percent int) int64 { return values[(len(values)-1)*percent/100] }
	return latencies{at(50), at(90), at(99), values[len(values)-1], sum / int64(len(values))}
}
