# covers: Erlang (processes, sockets, ports, files; two nodes that find each other by epmd)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/erl
image=(--add /usr/lib/erlang:/usr/lib/erlang)
for name in bash cat erl hostname rm sed sh sleep; do
	image+=(--copy "$(PATH=/usr/bin:/bin type -P "$name")")
done
app_image "${image[@]}"

compare "processes, ports, sockets, files" erl -noshell -eval '
	Self = self(), [spawn(fun() -> Self ! {n, N * N} end) || N <- lists:seq(1, 5000)],
	io:format("~p~n", [lists:sum([receive {n, X} -> X end || _ <- lists:seq(1, 5000)])]),
	io:format("~p~n", [os:cmd("echo shell; exit 3")]),
	{ok, L} = gen_tcp:listen(0, [binary, {active, false}]), {ok, Port} = inet:port(L),
	spawn(fun() -> {ok, C} = gen_tcp:accept(L), gen_tcp:send(C, binary:copy(<<"x">>, 300000)), gen_tcp:close(C) end),
	{ok, S} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}]),
	{ok, Data} = gen_tcp:recv(S, 300000), io:format("~p ~p~n", [byte_size(Data), gen_tcp:recv(S, 0)]),
	{ok, U} = gen_udp:open(0, [binary, {active, true}]), {ok, UPort} = inet:port(U),
	gen_udp:send(U, {127, 0, 0, 1}, UPort, <<"datagram">>), receive {udp, U, _, _, D} -> io:format("~p~n", [D]) end,
	ok = file:write_file("f", <<"text">>), io:format("~p ~p~n", [file:read_file("f"), filelib:wildcard("*")]),
	P = open_port({spawn, "cat"}, [binary]), port_command(P, <<"through cat">>), receive {P, {data, T}} -> io:format("~p~n", [T]) end,
	Timer = erlang:start_timer(50, self(), late), receive {timeout, Timer, late} -> io:format("late~n") end,
	ets:new(t, [named_table, public]), [ets:insert(t, {N, N}) || N <- lists:seq(1, 1000)], io:format("~p~n", [ets:info(t, size)]),
	io:format("~p~n", [catch erlang:error(wrong)]), halt(3).' </dev/null

compare "two nodes" bash -u <<'END'
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$((20000 + $$ % 10000)) HOME=$PWD
erl -noshell -name one@127.0.0.1 -setcookie secret -eval 'receive stop -> halt() end' & node=$!
erl -noshell -name two@127.0.0.1 -setcookie secret -eval '
	Try = fun(F, 0) -> pang; (F, N) -> case net_adm:ping(list_to_atom("one@127.0.0.1")) of pong -> pong; _ -> timer:sleep(100), F(F, N - 1) end end,
	io:format("~p~n", [Try(Try, 200)]), One = hd(nodes()),
	io:format("~p ~p~n", [One, rpc:call(One, lists, sum, [[1, 2, 3]])]),
	io:format("~p~n", [length(rpc:call(One, lists, seq, [1, 100000]))]),
	rpc:cast(One, erlang, halt, [5]), monitor_node(One, true), receive {nodedown, One} -> io:format("down~n") end, halt().'
wait $node; echo "one $?"
/usr/lib/erlang/erts-*/bin/epmd -port $ERL_EPMD_PORT -kill >/dev/null 2>&1 || epmd -kill >/dev/null 2>&1; echo "fin"
END
app_done
