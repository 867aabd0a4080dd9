// go-mysql-org/go-mysql's client.
package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

type direct struct {
	lacking
	*client.Conn
}

func number(err error) (int, bool) {
	var told *mysql.MyError
	if errors.As(err, &told) {
		return int(told.Code), true
	}
	return 0, false
}

func connect(each task) (session, error) {
	address := fmt.Sprintf("%s:%d", each.Host, each.Port)
	connection, err := client.Connect(address, each.User, each.Password, each.Database, func(c *client.Conn) error {
		c.SetAttributes(each.Attributes)
		if each.TLS {
			c.SetTLSConfig(tlsOf(each))
		}
		if each.Compress {
			c.SetCapability(mysql.CLIENT_COMPRESS)
		}
		if each.Zstd {
			c.SetCapability(mysql.CLIENT_ZSTD_COMPRESSION_ALGORITHM)
		}
		if each.Multi {
			c.SetCapability(mysql.CLIENT_MULTI_STATEMENTS)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return direct{Conn: connection}, nil
}

func (s direct) ping() error { return s.Ping() }

func (s direct) close() { s.Quit() }

func rowsOf(found *mysql.Result) [][]string {
	var rows [][]string
	if found.Resultset == nil {
		return rows
	}
	for i := range found.Values {
		row := make([]string, len(found.Fields))
		for j := range found.Fields {
			// The driver hands out views of a buffer that it uses again.
			cell, _ := found.GetString(i, j)
			row[j] = strings.Clone(cell)
		}
		rows = append(rows, row)
	}
	return rows
}

func (s direct) query(statement string) ([][]string, error) {
	found, err := s.Execute(statement)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	return rowsOf(found), nil
}

func (s direct) prepared(statement string, values []any) ([][]string, error) {
	handle, err := s.Prepare(statement)
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	found, err := handle.Execute(values...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	return rowsOf(found), nil
}

func (s direct) multi(statement string) ([]int, error) {
	var counts []int
	_, err := s.ExecuteMultiple(statement, func(found *mysql.Result, problem error) {
		if problem == nil {
			counts = append(counts, len(rowsOf(found)))
		}
	})
	return counts, err
}

func (s direct) call(given, total int) ([]string, error) {
	if _, err := s.Execute(fmt.Sprintf("SET @total = %d", total)); err != nil {
		return nil, err
	}
	if _, err := s.Execute("CALL doubled(?, @total, @said)", given); err != nil {
		return nil, err
	}
	rows, err := s.query("SELECT @total, @said")
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// Rows as they come: the driver asks the server for all of them.
func (s direct) cursor(statement string, size int) (int, error) {
	var found mysql.Result
	count := 0
	err := s.ExecuteSelectStreaming(statement, &found, func([]mysql.FieldValue) error {
		count++
		return nil
	}, nil)
	return count, err
}

func (s direct) write(statement string, values []any) (int, error) {
	for i, value := range values {
		// It binds no times but as text.
		if moment, isTime := value.(time.Time); isTime {
			values[i] = moment.Format("2006-01-02 15:04:05.999999")
		}
	}
	found, err := s.Execute(statement, values...)
	if err != nil {
		return 0, err
	}
	defer found.Close()
	return int(found.AffectedRows), nil
}
