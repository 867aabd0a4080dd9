// go-mysql-org/go-mysql's client.
package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

type direct struct{ *client.Conn }

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
			c.SetTLSConfig(&tls.Config{InsecureSkipVerify: true})
		}
		if each.Compress {
			c.SetCapability(mysql.CLIENT_COMPRESS)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return direct{connection}, nil
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
