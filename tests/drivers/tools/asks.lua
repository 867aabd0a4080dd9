-- LuaSQL: `lua asks.lua HOST PORT USER PASSWORD STATEMENT...`; the number of rows of each statement, a line each.
local mysql = require('luasql.mysql')

local host, port, user, password = table.unpack(arg, 1, 4)
local environment = assert(mysql.mysql())
local connection = assert(environment:connect('labdb', user, password, host, tonumber(port)))
for place = 5, #arg do
  local cursor = assert(connection:execute(arg[place]))
  local count = 0
  while cursor:fetch({}) do
    count = count + 1
  end
  cursor:close()
  print(count)
end
connection:close()
environment:close()
