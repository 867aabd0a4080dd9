// go-sql-driver/mysql behind database/sql.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

type pooled struct {
	lacking
	pool       *sql.DB
	connection *sql.Conn
	borrows    bool
}

func number(err error) (int, bool) {
	var told *mysql.MySQLError
	if errors.As(err, &told) {
		return int(told.Number), true
	}
	return 0, false
}

// HANDSHARK_ATTRIBUTES says whether this release takes connection attributes.
func dsn(each task) string {
	words := []string{"tls=false"}
	if each.TLS {
		words[0] = "tls=deeds"
		if err := mysql.RegisterTLSConfig("deeds", tlsOf(each)); err != nil {
			panic(err)
		}
	}
	if each.Multi {
		words = append(words, "multiStatements=true")
	}
	if each.Infile {
		words = append(words, "allowAllFiles=true")
	}
	if os.Getenv("HANDSHARK_ATTRIBUTES") != "" {
		var pairs []string
		for name, value := range each.Attributes {
			pairs = append(pairs, name+":"+value)
		}
		words = append(words, "connectionAttributes="+strings.Join(pairs, ","))
	}
	if each.Compress {
		words = append(words, "compress=true")
	}
	return fmt.Sprintf("%s:%s@tcp(%s:%d)/%s?%s", each.User, each.Password, each.Host, each.Port, each.Database,
		strings.Join(words, "&"))
}

func connect(each task) (session, error) {
	pool, err := sql.Open("mysql", dsn(each))
	if err != nil {
		return nil, err
	}
	// Idle connections are asked after before they are used again, and others are thrown away.
	pool.SetMaxIdleConns(1)
	connection, err := pool.Conn(context.Background())
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &pooled{pool: pool, connection: connection, borrows: each.Pool}, nil
}

func (s *pooled) ping() error {
	if !s.borrows {
		return s.connection.PingContext(context.Background())
	}
	// Given back to the pool, and asked for again: the pool looks whether it is alive without asking the server.
	if err := s.connection.Close(); err != nil {
		return err
	}
	connection, err := s.pool.Conn(context.Background())
	if err != nil {
		return err
	}
	s.connection = connection
	return s.connection.PingContext(context.Background())
}

func (s *pooled) close() {
	s.connection.Close()
	s.pool.Close()
}

func rowsOf(rows *sql.Rows) ([][]string, error) {
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var found [][]string
	for rows.Next() {
		cells := make([]sql.NullString, len(names))
		places := make([]any, len(names))
		for i := range cells {
			places[i] = &cells[i]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		row := make([]string, len(names))
		for i, cell := range cells {
			row[i] = cell.String
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

func (s *pooled) query(statement string) ([][]string, error) {
	rows, err := s.connection.QueryContext(context.Background(), statement)
	if err != nil {
		return nil, err
	}
	return rowsOf(rows)
}

func (s *pooled) prepared(statement string, values []any) ([][]string, error) {
	handle, err := s.connection.PrepareContext(context.Background(), statement)
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	rows, err := handle.Query(values...)
	if err != nil {
		return nil, err
	}
	return rowsOf(rows)
}

func (s *pooled) multi(statement string) ([]int, error) {
	rows, err := s.connection.QueryContext(context.Background(), statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []int
	for {
		count := 0
		for rows.Next() {
			count++
		}
		found = append(found, count)
		if !rows.NextResultSet() {
			return found, rows.Err()
		}
	}
}

func (s *pooled) call(given, total int) ([]string, error) {
	ctx := context.Background()
	if _, err := s.connection.ExecContext(ctx, fmt.Sprintf("SET @total = %d", total)); err != nil {
		return nil, err
	}
	if _, err := s.connection.ExecContext(ctx, "CALL doubled(?, @total, @said)", given); err != nil {
		return nil, err
	}
	found := make([]string, 2)
	err := s.connection.QueryRowContext(ctx, "SELECT @total, @said").Scan(&found[0], &found[1])
	return found, err
}

func (s *pooled) write(statement string, values []any) (int, error) {
	done, err := s.connection.ExecContext(context.Background(), statement, values...)
	if err != nil {
		return 0, err
	}
	count, err := done.RowsAffected()
	return int(count), err
}
