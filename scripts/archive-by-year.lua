-- Moves read mail of past years out of a mailbox into Archive/2024, Archive/2023 and so on.
--
--   imapscript archive-by-year.lua SERVER USER [MAILBOX]      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}
-- The first run moves years of mail, which is more than a script may without saying so.
limit(20000)

local mailbox = account:mailbox(arg[3] or "INBOX")
local this_year = math.tointeger(os.date "%Y")

for year = this_year - 1, this_year - 20, -1 do
  local old = mailbox:search {
    seen = true,
    since = ("%d-01-01"):format(year),
    before = ("%d-01-01"):format(year + 1),
    except = { flagged = true },
  }
  if #old > 0 then old:move("Archive/" .. year) end
end
