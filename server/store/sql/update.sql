-- New versions of resources that stand at the version the caller has seen ($36); a row that has
-- moved on meanwhile is left alone and missing from the result. So is one of which the caller only
-- supposes where it stands ($37) unless it surely changes. Locks are taken in key order. Audit rows as
-- in insert.sql; they name the patient whose it was before too.
with input as materialized (
  select i.*
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::int2[],
              $6::text[], $7::text[], $8::int[], $9::int[], $11::bigint[], $12::bigint[],
              $13::bigint[], $14::text[], $15::bigint[], $16::int[], $34::bigint[], $35::text[],
              $36::int[], $37::boolean[]) with ordinality
    as i(rk, seq, vid, ver, type, method, id, start, bytes, patient, lo, hi, tok, sides, sum, agent,
         request, base, supposed, n)
), old as materialized (
  select i.n, r.rk, r.seq, r.vid, r.patient, r.ver, r.type, r.method, r.id, r.content,
         r.sides is distinct from i.sides as moves
  from resource r join input i on r.rk = i.rk and r.ver = i.base and r.id = i.id
  where not i.supposed or (r.sum <> i.sum and r.vid < i.vid)
  order by r.rk
  for update of r
), versions as (
  insert into history (rk, vid, patient, ver, type, method, id, content)
  select rk, vid, patient, ver, type, method, id, content from old
), resources as (
  update resource r
  set vid = i.vid, sides = i.sides, patient = i.patient, sum = i.sum, ver = i.ver,
      method = i.method::"char",
      content = convert_from(substr($10::bytea, i.start, i.bytes), 'UTF8')
  from input i join old o on o.n = i.n
  where r.rk = i.rk
), searches as (
  update search s
  set vid = i.vid, patient = i.patient, lo = i.lo, hi = i.hi, tok = i.tok::bigint[]
  from input i join old o on o.n = i.n
  where s.type = o.type and s.seq = o.seq
), no_strings as (
  delete from search_string where seq in (select seq from old where moves)
), no_dates as (
  delete from search_date where seq in (select seq from old where moves)
), no_numbers as (
  delete from search_number where seq in (select seq from old where moves)
), no_texts as (
  delete from search_text where seq in (select seq from old where moves)
), strings as (
  insert into search_string (k, v, o, seq, part)
  select s.k, s.v, s.o, o.seq, s.part
  from unnest($17::int[], $18::bigint[], $19::text[], $20::text[], $21::boolean[])
    as s(n, k, v, o, part)
  join old o on o.n = s.n
  where o.moves
), dates as (
  insert into search_date (k, lo, hi, seq)
  select d.k, d.lo, d.hi, o.seq
  from unnest($22::int[], $23::bigint[], $24::bigint[], $25::bigint[]) as d(n, k, lo, hi)
  join old o on o.n = d.n
  where o.moves
), numbers as (
  insert into search_number (k, lo, hi, unit, seq)
  select m.k, m.lo, m.hi, m.unit, o.seq
  from unnest($26::int[], $27::bigint[], $28::float8[], $29::float8[], $30::bigint[])
    as m(n, k, lo, hi, unit)
  join old o on o.n = m.n
  where o.moves
), texts as (
  insert into search_text (seq, narrative, content)
  select o.seq, to_tsvector('simple', t.narrative), to_tsvector('simple', t.content)
  from unnest($31::int[], $32::text[], $33::text[]) as t(n, narrative, content)
  join old o on o.n = t.n
  where o.moves
), audits as (
  insert into audit (at, seq, kind, outcome, type, ver, id, keys, request)
  select i.vid >> 20, i.vid, case i.method when 'P' then 3 else 2 end, 0, i.type, i.ver, i.id,
         array_remove(array[i.agent, i.rk, i.patient, nullif(o.patient, i.patient)], null), i.request
  from input i join old o on o.n = i.n
  where i.agent is not null
)
select rk from old
