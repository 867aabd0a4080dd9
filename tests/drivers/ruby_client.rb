# frozen_string_literal: true

# Ruby's mysql2, told what to do: `ruby ruby_client.rb DRIVER`, cases as JSON on standard input, a line for each.

require 'bigdecimal'
require 'date'
require 'json'
require 'mysql2'

def now
  Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
end

def connect(each)
  # Built with MariaDB's library it knows no ssl_mode: an authority is what asks for TLS.
  tls = each['tls'] ? { sslca: each['ca'] } : {}
  Mysql2::Client.new(
    host: each['host'], port: each['port'], username: each['user'], password: each['password'],
    database: each['database'], as: :array, connect_attrs: each['attributes'],
    flags: (each['compress'] ? ['COMPRESS'] : []) + (each['multi'] ? ['MULTI_STATEMENTS'] : []),
    **(each['infile'] ? { local_infile: true } : {}), **tls, **(each['verify'] ? { sslverify: true } : {})
  )
end

def rows(found)
  found.to_a.map { |row| row.map(&:to_s) }
end

def multi(client, sql)
  counts = [rows(client.query(sql)).size]
  counts << rows(client.store_result).size while client.next_result
  counts
end

def call(client, given, total)
  client.query("SET @total = #{total}")
  client.query("CALL doubled(#{given}, @total, @said)")
  rows(client.query('SELECT @total, @said'))[0]
end

# Row by row as the server sends them, in place of all at once.
def cursor(client, sql, _size)
  client.query(sql, stream: true, cache_rows: false).to_a.size
end

def bound(kind, word)
  case kind
  when 'int', 'unsigned' then word.to_i
  when 'decimal' then BigDecimal(word)
  when 'double' then word.to_f
  when 'date' then Date.parse(word)
  when 'datetime' then DateTime.parse(word)
  when 'blob' then [word].pack('H*')
  when 'bool' then word == '1'
  when 'null' then nil
  else word
  end
end

def typed(client, sql, values)
  statement = client.prepare(sql)
  statement.execute(*values.map { |pair| bound(*pair) })
  statement.affected_rows
end

def batch(client, sql, sets)
  statement = client.prepare(sql)
  sets.sum { |values| statement.execute(*values) || statement.affected_rows }
end

def load(client, sql)
  client.query(sql)
  client.affected_rows
end

def idle(client, sql, milliseconds)
  sleep(milliseconds / 1000.0)
  client.query(sql)
  'still there'
rescue Mysql2::Error
  'lost'
end

DEEDS = %w[multi call cursor typed batch load idle].freeze

def step(client, words, result)
  kind, sql = words
  case kind
  when 'query', 'prepared'
    found = kind == 'query' ? client.query(sql) : client.prepare(sql).execute(*words[2], as: :array)
    count = rows(found).size
    result[:problems] << "#{sql}: #{count} rows" if count != words.last
  when 'fails'
    begin
      client.query(sql)
      result[:problems] << "#{sql}: no error"
    rescue Mysql2::Error => e
      result[:problems] << "#{sql}: #{e.message}" if e.error_number != words.last
    end
  when 'status' then result[:status].merge!(rows(client.query(sql)).to_h)
  when 'ping' then client.ping
  when *DEEDS
    found = send(kind, client, *words[1...-1])
    result[:problems] << "#{kind} #{sql}: #{found}" if found != words.last
  else result[:problems] << "unknown step #{kind}"
  end
end

def work(client, each, result)
  found = each['identify'].map { |sql| rows(client.query(sql)) }
  result[:connection_id] = found[0][0][0].to_i
  result[:version] = found[0][0][1]
  result[:attributes] = found[1].to_h
  result[:status] = found[2].to_h
  each['steps'].each { |words| step(client, words, result) }
end

def run(each)
  result = { name: each['name'], error: nil, message: '', problems: [], start_ns: now }
  begin
    client = connect(each)
  rescue Mysql2::Error => e
    return result.merge(error: e.error_number, message: e.message, end_ns: now)
  end
  begin
    work(client, each, result)
  rescue Mysql2::Error, ArgumentError, TypeError => e
    result[:problems] << e.message
  end
  client.close
  result.merge(end_ns: now)
end

# It is an attribute of each login.
$PROGRAM_NAME = 'handshark-drivers'
$stdout.sync = true
JSON.parse($stdin.read).each { |each| puts JSON.generate(run(each)) }
