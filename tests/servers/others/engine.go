// go-mysql-server, Dolt's engine, with an empty database in memory: `client ADDRESS`.
package main

import (
	"fmt"
	"os"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
)

func main() {
	provider := memory.NewDBProvider(memory.NewDatabase("labdb"))
	config := server.Config{Protocol: "tcp", Address: os.Args[1]}
	running, err := server.NewServer(config, sqle.NewDefault(provider), sql.NewContext,
		memory.NewSessionBuilder(provider), nil)
	if err == nil {
		err = running.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
