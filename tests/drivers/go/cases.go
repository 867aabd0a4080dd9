// What every Go client does: cases as JSON on standard input, a line for each. The file beside this one is the driver.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

type step = []any

type task struct {
	Name, Host, User, Password, Database string
	Port                                 int
	TLS                                  bool `json:"tls"`
	Verify, Multi, Infile, Pool, Zstd    bool
	Compress                             bool
	CA                                   string `json:"ca"`
	Attributes                           map[string]string
	Identify                             []string
	Steps                                []step
}

type result struct {
	Name         string            `json:"name"`
	Error        *int              `json:"error"`
	Message      string            `json:"message"`
	Problems     []string          `json:"problems"`
	Start        int64             `json:"start_ns"`
	End          int64             `json:"end_ns"`
	ConnectionID int64             `json:"connection_id,omitempty"`
	Version      string            `json:"version,omitempty"`
	Attributes   map[string]string `json:"attributes"`
	Status       map[string]string `json:"status"`
}

// A connection of the driver at hand. `connect` and `number`, the error of the server, are in its file.
type session interface {
	query(statement string) ([][]string, error)
	prepared(statement string, values []any) ([][]string, error)
	// Rows of each result of several statements.
	multi(statement string) ([]int, error)
	// What a procedure puts into its parameters.
	call(given, total int) ([]string, error)
	// Rows of a statement that are fetched so many at a time.
	cursor(statement string, size int) (int, error)
	// Rows that a statement with parameters, or a file, has written.
	write(statement string, values []any) (int, error)
	// Statements that are sent without waiting in between: rows of each.
	together(statements []string) ([]int, error)
	ping() error
	close()
}

// For a driver without the deed.
type lacking struct{}

var errLacking = errors.New("the driver has no call for it")

func (lacking) cursor(string, int) (int, error)      { return 0, errLacking }
func (lacking) together([]string) ([]int, error)     { return nil, errLacking }
func (lacking) call(int, int) ([]string, error)      { return nil, errLacking }

// Trusts who has signed, whatever name the certificate is for: MySQL's own names nobody.
func tlsOf(each task) *tls.Config {
	config := &tls.Config{InsecureSkipVerify: true}
	if each.Verify {
		text, err := os.ReadFile(each.CA)
		if err != nil {
			panic(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
		config.VerifyConnection = func(state tls.ConnectionState) error {
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots})
			return err
		}
	}
	return config
}

// A value as Go has it.
func bound(kind, word string) any {
	switch kind {
	case "unsigned":
		number, _ := strconv.ParseUint(word, 10, 64)
		return number
	case "int":
		number, _ := strconv.ParseInt(word, 10, 64)
		return number
	case "double":
		number, _ := strconv.ParseFloat(word, 64)
		return number
	case "date", "datetime":
		layout := "2006-01-02 15:04:05.999999"
		moment, err := time.Parse(layout[:min(len(layout), max(10, len(word)))], word)
		if err != nil {
			return word
		}
		return moment
	case "blob":
		raw, _ := hex.DecodeString(word)
		return raw
	case "bool":
		return word == "1"
	case "null":
		return nil
	}
	return word
}

func counted(done *result, words step, found, expected any) {
	if fmt.Sprint(found) != fmt.Sprint(expected) {
		done.Problems = append(done.Problems, fmt.Sprintf("%v: %v", words[:2], found))
	}
}

// Steps whose last word is what has to come out.
func deed(connection session, words step) (any, error) {
	switch words[0] {
	case "multi":
		return connection.multi(words[1].(string))
	case "call":
		return connection.call(int(words[1].(float64)), int(words[2].(float64)))
	case "cursor":
		return connection.cursor(words[1].(string), int(words[2].(float64)))
	case "load":
		return connection.write(words[1].(string), nil)
	case "typed":
		var values []any
		for _, pair := range words[2].([]any) {
			values = append(values, bound(pair.([]any)[0].(string), pair.([]any)[1].(string)))
		}
		return connection.write(words[1].(string), values)
	case "batch":
		total := 0
		for _, row := range words[2].([]any) {
			values := append([]any{}, row.([]any)...)
			if number, isNumber := values[1].(float64); isNumber {
				values[1] = int64(number)
			}
			written, err := connection.write(words[1].(string), values)
			if err != nil {
				return total, err
			}
			total += written
		}
		return total, nil
	case "idle":
		time.Sleep(time.Duration(words[2].(float64)) * time.Millisecond)
		if _, err := connection.query(words[1].(string)); err != nil {
			return "lost", nil
		}
		return "still there", nil
	case "together":
		var statements []string
		for _, each := range words[1].([]any) {
			statements = append(statements, each.(string))
		}
		return connection.together(statements)
	}
	return nil, fmt.Errorf("unknown step %v", words[0])
}

func pairs(rows [][]string) map[string]string {
	found := map[string]string{}
	for _, row := range rows {
		found[row[0]] = row[1]
	}
	return found
}

func one(connection session, words step, done *result) error {
	switch words[0] {
	case "query", "prepared":
		var rows [][]string
		var err error
		if words[0] == "query" {
			rows, err = connection.query(words[1].(string))
		} else {
			values := words[2].([]any)
			for i, value := range values {
				if number, isNumber := value.(float64); isNumber {
					values[i] = int64(number)
				}
			}
			rows, err = connection.prepared(words[1].(string), values)
		}
		if err != nil {
			return err
		}
		if len(rows) != int(words[len(words)-1].(float64)) {
			done.Problems = append(done.Problems, fmt.Sprintf("%v: %d rows", words[1], len(rows)))
		}
	case "fails":
		_, err := connection.query(words[1].(string))
		if code, known := number(err); !known || code != int(words[2].(float64)) {
			done.Problems = append(done.Problems, fmt.Sprintf("%v: %v", words[1], err))
		}
	case "status":
		rows, err := connection.query(words[1].(string))
		if err != nil {
			return err
		}
		for name, value := range pairs(rows) {
			done.Status[name] = value
		}
	case "ping":
		return connection.ping()
	default:
		found, err := deed(connection, words)
		if err != nil {
			return err
		}
		counted(done, words, found, words[len(words)-1])
	}
	return nil
}

func work(connection session, each task, done *result) error {
	var found [3][][]string
	for i, statement := range each.Identify {
		rows, err := connection.query(statement)
		if err != nil {
			return err
		}
		found[i] = rows
	}
	fmt.Sscan(found[0][0][0], &done.ConnectionID)
	done.Version, done.Attributes, done.Status = found[0][0][1], pairs(found[1]), pairs(found[2])
	for _, words := range each.Steps {
		if err := one(connection, words, done); err != nil {
			return err
		}
	}
	return nil
}

func run(each task) result {
	done := result{Name: each.Name, Problems: []string{}, Start: time.Now().UnixNano()}
	connection, err := connect(each)
	if err != nil {
		done.Message = err.Error()
		code, known := number(err)
		if !known {
			code = -1
		}
		done.Error = &code
	} else {
		if problem := work(connection, each, &done); problem != nil {
			done.Problems = append(done.Problems, problem.Error())
		}
		connection.close()
	}
	done.End = time.Now().UnixNano()
	return done
}

func main() {
	var tasks []task
	if err := json.NewDecoder(os.Stdin).Decode(&tasks); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := json.NewEncoder(os.Stdout)
	for _, each := range tasks {
		if err := lines.Encode(run(each)); err != nil {
			os.Exit(1)
		}
	}
}
