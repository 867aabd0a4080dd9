// go-mysql-org/go-mysql's server, which knows SELECT 1 and nothing else: `client ADDRESS`.
package main

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
)

type handler struct{ server.EmptyHandler }

func (handler) UseDB(string) error { return nil }

func (handler) HandleQuery(query string) (*mysql.Result, error) {
	switch {
	case query == "SELECT 1":
		found, err := mysql.BuildSimpleTextResultset([]string{"1"}, [][]any{{1}})
		if err != nil {
			return nil, err
		}
		return mysql.NewResult(found), nil
	case strings.HasPrefix(query, "SET "):
		return nil, nil
	}
	return nil, mysql.NewError(mysql.ER_PARSE_ERROR, "not known: "+query)
}

func serve(listener net.Listener) error {
	configured := server.NewServer("8.0.11-go-mysql", mysql.DEFAULT_COLLATION_ID, mysql.AUTH_NATIVE_PASSWORD, nil, nil)
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			connection, err := configured.NewConn(accepted, "app", "", handler{})
			for err == nil && !connection.Closed() {
				err = connection.HandleCommand()
			}
		}()
	}
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err == nil {
		err = serve(listener)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
