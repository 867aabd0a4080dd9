%% ProcessOne's p1_mysql, asked line by line: see piped_client.py.
-module(p1_client).
-export([main/0]).

main() ->
    {ok, _} = application:ensure_all_started(ssl),
    process_flag(trap_exit, true),
    asked(none).

asked(Connection) ->
    case io:get_line("") of
        eof ->
            halt();
        Line ->
            [Verb | Words] = string:lexemes(Line, " \n"),
            {Next, Lines} = done(Verb, [decoded(Word) || Word <- Words], Connection),
            io:put_chars([[Each, $\n] || Each <- Lines]),
            asked(Next)
    end.

decoded([_Type | Digits]) -> binary_to_list(bytes(Digits)).

bytes(Digits) -> << <<(list_to_integer([High, Low], 16))>> || <<High, Low>> <= list_to_binary(Digits) >>.

shown(null) -> "n";
shown(Cell) -> ["s", [io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= iolist_to_binary(Cell)]].

%% It keeps the text of an error, and not its number.
failed(Reason) -> [["no -1 ", shown(unicode:characters_to_binary(io_lib:format("~ts", [text(Reason)])))]].

text(Reason) when is_list(Reason); is_binary(Reason) -> Reason;
text(Reason) -> io_lib:format("~p", [Reason]).

done("connect", [Host, Port, User, Password, Database, _Authority, Options | _], _) ->
    Silent = fun(_, _, _) -> ok end,
    Given = [Host, list_to_integer(Port), User, Password, Database, 10000, Silent],
    Started = case string:find(Options, "tls") of
        nomatch -> apply(p1_mysql_conn, start, Given);
        _ -> apply(p1_mysql_conn, start, Given ++ [[ssl_required, {verify, verify_none}]])
    end,
    case Started of
        {ok, Connection} -> {Connection, ["ok"]};
        {error, Reason} -> {none, failed(Reason)}
    end;
done("query", [Statement], Connection) ->
    Options = [{timeout, 30000}, {result_type, binary}],
    case p1_mysql_conn:squery(Connection, Statement, self(), Options) of
        {data, Found} ->
            Rows = [["r", [[" ", shown(Cell)] || Cell <- Row]] || Row <- p1_mysql:get_result_rows(Found)],
            {Connection, Rows ++ ["e 0", "ok"]};
        {updated, Found} ->
            {Connection, [io_lib:format("e ~b", [p1_mysql:get_result_affected_rows(Found)]), "ok"]};
        {error, Found} ->
            {Connection, failed(p1_mysql:get_result_reason(Found))}
    end;
done("close", [], Connection) ->
    p1_mysql_conn:stop(Connection),
    {none, ["ok"]};
done(Verb, _, Connection) ->
    {Connection, failed("no call for " ++ Verb)}.
