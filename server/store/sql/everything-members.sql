-- What belongs to a patient or an encounter, newest first, below position $4: the rows of the patient
-- ($1, null for an encounter) and those that refer to it by a parameter of its compartment ($2); $3 is
-- the row itself. $5 since; $6, $7 the period of care (null: any), which types $8 and undated rows
-- stay out of, by the dates of parameters $11 where there are such; $9 the types wanted, null for all.
-- Fenced off, or types and order would tempt the planner to walk the primary key.
select r.type, r.id, r.ver, r.vid, r.method, r.content, r.patient, p.seq
from (
  select f.rk, f.seq
  from (
    select s.rk, s.seq, s.vid, s.lo, s.hi, s.type
    from search s
    where s.patient = $1::bigint or s.tok && $2::bigint[]
    offset 0
  ) f
  where f.rk <> $3::bigint and f.seq < $4::bigint and f.vid >= $5::bigint
    and ($6::bigint is null or f.type = any($8::int2[]) or coalesce(
      (select bool_or(d.hi >= $6::bigint and d.lo <= $7::bigint)
       from search_date d where d.seq = f.seq and d.k = any($11::bigint[])),
      f.lo is null or (f.hi >= $6::bigint and f.lo <= $7::bigint)))
    and ($9::int2[] is null or f.type = any($9::int2[]))
  order by f.seq desc
  limit $10::int
) p
join resource r on r.rk = p.rk
order by p.seq desc
