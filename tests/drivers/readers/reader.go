// go-mysql-org/go-mysql's replication: `client HOST PORT USER PASSWORD SERVER_ID FLAVOR FILE POSITION END`.
// A line for each event: where the next one begins, and the rows that it wrote, as JSON. Ends with the one at END.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

func number(text string) uint32 {
	found, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		panic(err)
	}
	return uint32(found)
}

func read(words []string) error {
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		Host: words[0], Port: uint16(number(words[1])), User: words[2], Password: words[3],
		ServerID: number(words[4]), Flavor: words[5],
	})
	defer syncer.Close()
	events, err := syncer.StartSync(mysql.Position{Name: words[6], Pos: number(words[7])})
	if err != nil {
		return err
	}
	lines := json.NewEncoder(os.Stdout)
	for {
		event, err := events.GetEvent(context.Background())
		if err != nil {
			return err
		}
		var rows any
		if found, isRows := event.Event.(*replication.RowsEvent); isRows && found.Type() == replication.EnumRowsEventTypeInsert {
			rows = found.Rows
		}
		if err := lines.Encode([]any{event.Header.LogPos, rows}); err != nil {
			return err
		}
		if event.Header.LogPos >= number(words[8]) {
			return nil
		}
	}
}

func main() {
	if err := read(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
