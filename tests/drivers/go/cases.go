// What every Go client does: cases as JSON on standard input, a line for each. The file beside this one is the driver.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

type step = []any

type task struct {
	Name, Host, User, Password, Database string
	Port                                 int
	TLS                                  bool `json:"tls"`
	Compress                             bool
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
	ping() error
	close()
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
		done.Problems = append(done.Problems, fmt.Sprintf("unknown step %v", words[0]))
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
